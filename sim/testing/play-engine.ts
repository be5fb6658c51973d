import type { Sequence } from '../../epoch/epoch.ts'
import type { HistoryFault } from './exchange-history.ts'
import type { Play } from './play.ts'
import { fold } from './play-fold.ts'
import { strike } from './play-strike.ts'

/** Folds the dropcopy in batches of three commits: trades, balances, token. Where it dies in between, the next batch begins at the token again. */
export async function runEngine(play: Play): Promise<void> {
  const { script, clock, signal, state, log } = play
  const last = { events: Number(script.ends['dropcopy'] ?? 0n), pausesMs: [0, 0, 0], crash: 'none', downMs: 0 } as const
  const struck = new Set<HistoryFault>()
  let tornFromMs: number | undefined
  for (const [at, step] of [...script.engine, last].entries()) {
    if (tornFromMs === undefined) {
      for (const fault of script.faults)
        if ('step' in fault && fault.step <= at && !struck.has(fault) && strike(play, fault)) struck.add(fault)
    }
    if ([...struck].some(({ name }) => name === 'token-regressed')) return
    const from = state.sequence('dropcopy')
    const through = min(from + BigInt(step.events), script.ends['dropcopy'] ?? 0n)
    await clock.sleep(step.pausesMs[0], signal)
    // The trades are not part of the relation: a commit that changes nothing it reads.
    state.commit({})
    const torn = script.faults.some(fault => fault.name === 'torn-batch' && fault.step <= at)
    if (step.crash === 'after-trades' && !torn) {
      await clock.sleep(step.downMs, signal)
      continue
    }
    await clock.sleep(step.pausesMs[1], signal)
    state.commit({ put: fold(play, 'dropcopy', from, through) })
    if (tornFromMs === undefined && through > from) {
      tornFromMs = clock.monotonicMs()
      log.torn.push({ fromMs: tornFromMs, untilMs: Number.POSITIVE_INFINITY })
    }
    if (torn) return
    if (step.crash === 'after-balances') {
      await clock.sleep(step.downMs, signal)
      continue
    }
    await clock.sleep(step.pausesMs[2], signal)
    state.commit({ sequences: { dropcopy: through } })
    tornFromMs = closeTorn(play, through, tornFromMs)
  }
}

/** A replay in smaller batches leaves the cut torn until the token has reached what was folded before. */
function closeTorn({ script, clock, log, state }: Play, token: Sequence, tornFromMs: number | undefined): number | undefined {
  const ahead = script.facts.some(
    ({ stream, sequence, row }) => stream === 'dropcopy' && sequence > token && (state.find(row)?.stamps['dropcopy'] ?? 0n) > token,
  )
  const open = log.torn.at(-1)
  if (ahead || tornFromMs === undefined || !open) return tornFromMs
  open.untilMs = clock.monotonicMs()
  return undefined
}

/** Commits each transfer and its balance as one transaction. */
export async function runCashWriter(play: Play): Promise<void> {
  const { script, clock, signal, state } = play
  for (let sequence = 1n; sequence <= (script.ends['cash'] ?? 0n); sequence++) {
    await clock.sleep(script.cash[Number(sequence) - 1] ?? 0, signal)
    state.commit({ put: fold(play, 'cash', sequence - 1n, sequence), sequences: { cash: sequence } })
  }
}

function min(a: bigint, b: bigint): bigint {
  return a < b ? a : b
}
