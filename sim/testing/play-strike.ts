import { type Epoch, fromStreams } from '../../epoch/epoch.ts'
import { HISTORY_STREAMS, type HistoryFault } from './exchange-history.ts'
import type { MemoryState } from './memory-state.ts'
import type { Play } from './play.ts'

/** Does what a fault of the state store does; false where there is nothing yet to do it to. */
export function strike({ script, clock, state, log }: Play, fault: Extract<HistoryFault, { readonly step: number }>): boolean {
  const atMs = clock.monotonicMs()
  const folded = foldedBy(state)
  switch (fault.name) {
    case 'phantom-account':
      state.commit({ put: [{ row: fault.row, stamps: {} }] })
      log.struck.push({ fault, atMs, folded, row: fault.row })
      return true
    case 'missing-account': {
      const row = state.find(fault.row)?.row ?? null
      if (row === null) return false
      state.commit({ remove: [fault.row] })
      log.struck.push({ fault, atMs, folded, row })
      return true
    }
    case 'token-regressed': {
      const token = state.sequence('dropcopy')
      if (token === 0n) return false
      state.commit({ sequences: { dropcopy: token - min(token, BigInt(fault.events)) } })
      log.struck.push({ fault, atMs, folded, row: null })
      if (script.facts.some(({ stream }) => stream === 'dropcopy')) log.torn.push({ fromMs: atMs, untilMs: Number.POSITIVE_INFINITY })
      return true
    }
    case 'torn-batch':
      return false
    default:
      return fault satisfies never
  }
}

/** How far the state store says that it is folded. */
export function foldedBy(state: MemoryState): Epoch {
  return fromStreams(HISTORY_STREAMS, stream => state.sequence(stream))
}

function min(a: bigint, b: bigint): bigint {
  return a < b ? a : b
}
