import type { Dropcopy } from '../exchange/dropcopy.ts'
import { isExecution } from '../exchange/dropcopy-event.ts'
import type { Position } from '../exchange/fold.ts'
import { foldExecution, type LedgerTransaction } from '../exchange/ledger.ts'
import { engineIgnores } from './engine-faults.ts'
import type { PlannedFault } from './planned-fault.ts'
import { type PlantedKey, plantedKeys } from './planted-fault.ts'
import { sinkIgnores } from './sink-faults.ts'

/**
 * What a dropped bust comes to as of dropcopy sequence `through`. Whoever dropped it holds another position from then on, and realizes other amounts whenever
 * it closes, so the difference is not the bust's own amounts: both ways are folded from the beginning, for the accounts and the symbol concerned.
 */
export function bustDifferences(dropcopy: Dropcopy, fault: PlannedFault, through: bigint): readonly PlantedKey[] {
  if (through < fault.event) return []
  const sides = dropcopy.between(fault.event - 1n, fault.event + 1n).filter(isExecution)
  const symbol = sides[0]?.symbol
  const accounts = new Set(sides.map(side => side.accountId))
  const engine = view(sequence => engineIgnores([fault], sequence))
  const sink = view(sequence => sinkIgnores([fault], sequence))
  for (let from = 0n; from < through; from += 1_000n)
    for (const event of dropcopy.between(from, from + 1_000n < through ? from + 1_000n : through)) {
      if (!isExecution(event) || event.symbol !== symbol || !accounts.has(event.accountId)) continue
      engine.fold(event)
      sink.fold(event)
    }
  const differences = (rows: readonly LedgerTransaction[], sign: bigint) =>
    rows.map(({ accountId, asset, amount }) => ({ accountId, asset, units: sign * amount }))
  return plantedKeys([...differences(engine.transactions, 1n), ...differences(sink.transactions, -1n)])
}

function view(ignores: (sequence: bigint) => boolean) {
  const positions = new Map<string, Position>()
  const realized = new Map<string, bigint>()
  const transactions: LedgerTransaction[] = []
  const fold = (event: Parameters<typeof foldExecution>[0]) => {
    if (ignores(event.sequence)) return
    const effect = foldExecution(event, positions.get(event.accountId), realized.get(event.reverses ?? '') ?? 0n)
    positions.set(event.accountId, effect.position)
    realized.set(event.executionId, effect.realized)
    transactions.push(...effect.transactions)
  }
  return { fold, transactions }
}
