import { addDecimals, type Decimal, ZERO } from '../../epoch/decimal.ts'
import type { LedgerFact } from '../../epoch/fact.ts'
import { sumOf } from './amounts.ts'
import { DifferenceCollector, type DifferenceList } from './difference-list.ts'
import { isLoggedEffect } from './logged-effects.ts'
import { distinctFacts, matchFacts } from './match-facts.ts'
import type { SequencePair } from './pair-by-sequence.ts'

/** What the facts of one key come to, on both sides. */
export interface LedgerTally {
  /** The sum of the logs, with what they do not log as ClickHouse has it. */
  readonly log: Decimal
  /** The sum of ClickHouse's distinct rows. */
  readonly history: Decimal
  readonly logged: bigint
  readonly rows: bigint
  /** Rows that repeat another one in every column. */
  readonly repeated: bigint
  readonly differences: DifferenceList
  /** Whether there were more facts than may be read; then nothing here is whole. */
  readonly truncated: boolean
}

/** How much may be listed and read of one key. */
export interface TallyBounds {
  readonly limit: number
  readonly factsMax: number
}

/** Goes through the facts of one key in order, once. */
export async function tallyLedger(
  pairs: AsyncIterable<SequencePair<LedgerFact, LedgerFact>>,
  { limit, factsMax }: TallyBounds,
): Promise<LedgerTally> {
  const differences = new DifferenceCollector(limit)
  let [log, history, logged, rows, distinct] = [ZERO, ZERO, 0n, 0n, 0n]
  let truncated = false

  for await (const pair of pairs) {
    if (Number(logged + rows) >= factsMax) {
      truncated = true
      break
    }
    const facts = distinctFacts(pair.history)
    const confirmable = facts.filter(isLoggedEffect)
    const unlogged = facts.filter(fact => !isLoggedEffect(fact))
    for (const difference of matchFacts(pair.logged, confirmable)) differences.add(difference)
    log = addDecimals(log, sumOf([...pair.logged, ...unlogged].map(fact => fact.amount)))
    history = addDecimals(history, sumOf(facts.map(fact => fact.amount)))
    logged += BigInt(pair.logged.length)
    rows += BigInt(pair.history.length)
    distinct += BigInt(facts.length)
  }
  return {
    log,
    history,
    logged,
    rows,
    repeated: rows - distinct,
    differences,
    truncated,
  }
}
