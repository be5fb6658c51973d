import { type Decimal, formatDecimal, tryParseDecimal, ZERO } from '../../epoch/decimal.ts'
import { isAtOrBelow, join } from '../../epoch/epoch.ts'
import type { LedgerFact } from '../../epoch/fact.ts'
import type { Mismatch } from '../../epoch/mismatch.ts'
import { type AmountTexts, sameAmount, sumOf } from './amounts.ts'
import { byPlace } from './by-place.ts'
import type { View } from './cause.ts'
import type { ExplainContext, KeyEvidence } from './explain-keys.ts'
import { distinctFacts } from './match-facts.ts'
import { pairBySequence } from './pair-by-sequence.ts'
import type { BalanceKey, StateRow } from './ports.ts'
import { type LedgerTally, tallyLedger } from './tally-ledger.ts'

const UNBALANCED_LISTED = 5

/** Gathers what can be known of the keys of transactions-balance: balances, the logs of trades and transfers, and ClickHouse's transactions. */
export async function gatherBalances(mismatches: readonly Mismatch[], context: ExplainContext): Promise<readonly KeyEvidence[]> {
  const { log, history, assets, epoch, limit, factsMax } = context
  const keys = mismatches.map(({ key }): BalanceKey => ({ account: key['account_id'] ?? '', asset: key['asset'] ?? '' }))
  const states = await log.balances(keys)
  const logged = byPlace(log.ledger(keys, assets, epoch))
  const found: KeyEvidence[] = []
  try {
    for (const [place, mismatch] of mismatches.entries()) {
      const key = keys[place] ?? { account: '', asset: '' }
      const wrongBy = tryParseDecimal(mismatch.difference['balance'] ?? '') ?? recordedDifference(mismatch)
      const pairs = pairBySequence(logged.of(place), history.transactions(key, epoch))
      const tally = await tallyLedger(pairs, { limit, factsMax, wrongBy })
      const state = await judgeState(key, states[place] ?? null, mismatch, tally, context)
      const unloggedEffects = Object.keys(tally.unlogged.counts)
      const suspectUnlogged = state.stands && sameAmount(tally.log, tally.history) && unloggedEffects.length > 0
      found.push({
        mismatch,
        differences: tally.differences,
        ...state,
        log: { store: 'postgres', part: 'trades and transfers', values: balanceText(tally.log) },
        histories: [{ store: 'clickhouse', part: 'transactions', values: balanceText(tally.history) }],
        aggregating: true,
        read: { postgres: tally.logged, clickhouse: tally.rows, repeated: tally.repeated },
        unlogged: tally.unlogged,
        suspects: tally.suspects,
        unbalancedEvents: suspectUnlogged ? await history.unbalancedEvents(key, unloggedEffects, epoch, UNBALANCED_LISTED) : [],
        truncated: tally.truncated,
      })
    }
  } finally {
    await logged.close()
  }
  return found
}

/** Whether the difference stands, and what the balance is or was as of the run's epoch. */
async function judgeState(
  key: BalanceKey,
  row: StateRow<Decimal> | null,
  mismatch: Mismatch,
  { history: sum }: LedgerTally,
  { epoch, history, factsMax }: ExplainContext,
): Promise<Pick<KeyEvidence, 'state' | 'stateChangedSince' | 'stands' | 'changed'>> {
  const recorded = mismatch.left?.['balance'] ?? null
  const view = (values: AmountTexts | null): View => ({ store: 'postgres', part: 'balances', values })
  const now = row?.values ?? ZERO
  const stateChangedSince = row !== null && !isAtOrBelow(row.stamps, epoch)
  // A row that has moved on is compared with history where it stands now: only if the two are the same is anything said of it.
  const here = stateChangedSince ? await sumUpTo(history.transactions(key, join(epoch, row.stamps)), factsMax) : sum
  const healed = here !== undefined && sameAmount(here, now)
  const state = stateChangedSince ? view(recorded === null ? null : { balance: recorded }) : view(row && balanceText(row.values))
  const before = tryParseDecimal(recorded ?? '0') ?? ZERO
  const recordedSum = tryParseDecimal(mismatch.right?.['balance'] ?? '0') ?? ZERO
  const changed = !sameAmount(sum, recordedSum)
    ? { view: { store: 'clickhouse', part: 'transactions', values: balanceText(sum) } as const, before: balanceText(recordedSum) }
    : !stateChangedSince && !sameAmount(now, before)
      ? { view: state, before: recorded === null ? null : { balance: recorded } }
      : undefined
  return { state, stateChangedSince, stands: !healed, changed }
}

/** The sum of distinct rows; undefined where there are more than may be read. */
async function sumUpTo(rows: AsyncIterable<LedgerFact>, factsMax: number): Promise<Decimal | undefined> {
  let sum = ZERO
  let here: LedgerFact[] = []
  let read = 0
  const settle = () => {
    sum = sumOf([sum, ...distinctFacts(here).map(fact => fact.amount)])
    here = []
  }
  for await (const row of rows) {
    if (++read > factsMax) return undefined
    if (here[0] && (here[0].sequence !== row.sequence || here[0].stream !== row.stream)) settle()
    here.push(row)
  }
  settle()
  return sum
}

/** A key that one side lacks has no difference on record: then it is all that the other side has. */
function recordedDifference({ left, right }: Mismatch): Decimal {
  const [ours, theirs] = [tryParseDecimal(left?.['balance'] ?? '0'), tryParseDecimal(right?.['balance'] ?? '0')]
  return sumOf([ours ?? ZERO, theirs ? { ...theirs, unscaled: -theirs.unscaled } : ZERO])
}

function balanceText(balance: Decimal): AmountTexts {
  return { balance: formatDecimal(balance) }
}
