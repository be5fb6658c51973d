import { addDecimals, type Decimal, ZERO } from '../../epoch/decimal.ts'
import type { LedgerFact } from '../../epoch/fact.ts'
import { sumOf } from './amounts.ts'
import { DifferenceCollector, type DifferenceList } from './difference-list.ts'
import { distinctFacts, matchFacts } from './match-facts.ts'
import type { SequencePair } from './pair-by-sequence.ts'
import { type SuspectRun, searchSuspects } from './suspect-runs.ts'

/** What PostgreSQL keeps a log of; funding, settlement and whatever else moves a balance it does not. */
const LOGGED_EFFECTS: Readonly<Record<string, readonly string[]>> = {
  dropcopy: ['realized_pnl', 'fee'],
  cash: ['deposit', 'withdrawal'],
}

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
  /** Rows of ClickHouse that no log of PostgreSQL could confirm: how many of each effect, and the last ones. */
  readonly unlogged: { readonly counts: Readonly<Record<string, bigint>>; readonly rows: readonly LedgerFact[] }
  /** Facts that would account for the state row being wrong. */
  readonly suspects: { readonly runs: readonly SuspectRun[]; readonly count: bigint }
  /** Whether there were more facts than may be read; then nothing here is whole. */
  readonly truncated: boolean
}

/** How much may be listed and read of one key. `wrongBy` is what its state row has more than its history, as the run found it. */
export interface TallyBounds {
  readonly limit: number
  readonly factsMax: number
  readonly wrongBy: Decimal
}

const SUSPECTS_LISTED = 3

/** Goes through the facts of one key in order, once. */
export async function tallyLedger(
  pairs: AsyncIterable<SequencePair<LedgerFact, LedgerFact>>,
  { limit, factsMax, wrongBy }: TallyBounds,
): Promise<LedgerTally> {
  const suspects = searchSuspects(wrongBy, SUSPECTS_LISTED)
  const differences = new DifferenceCollector(limit)
  const unloggedCounts: Record<string, bigint> = {}
  let unloggedRows: LedgerFact[] = []
  let [log, history, logged, rows, distinct] = [ZERO, ZERO, 0n, 0n, 0n]
  let truncated = false

  for await (const pair of pairs) {
    if (logged + rows >= BigInt(factsMax)) {
      truncated = true
      break
    }
    const facts = distinctFacts(pair.history)
    const confirmable = facts.filter(isLogged)
    const unlogged = facts.filter(fact => !isLogged(fact))
    for (const difference of matchFacts(pair.logged, confirmable)) differences.add(difference)
    for (const fact of facts) suspects.add(fact)
    for (const { effect } of unlogged) unloggedCounts[effect] = (unloggedCounts[effect] ?? 0n) + 1n
    if (unlogged.length > 0) unloggedRows = [...unloggedRows, ...unlogged].slice(-limit)
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
    unlogged: { counts: unloggedCounts, rows: unloggedRows },
    suspects: suspects.found(),
    truncated,
  }
}

/** Whether PostgreSQL keeps a log of what a row says. */
export function isLogged({ stream, effect }: LedgerFact): boolean {
  return LOGGED_EFFECTS[stream]?.includes(effect) ?? false
}
