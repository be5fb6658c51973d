import { type Decimal, formatDecimal, subtractDecimals, tryParseDecimal, ZERO } from '../../epoch/decimal.ts'
import { type Epoch, isAtOrBelow, join } from '../../epoch/epoch.ts'
import type { LedgerFact, SegmentWidths } from '../../epoch/fact.ts'
import type { Mismatch } from '../../epoch/mismatch.ts'
import { type AmountTexts, sameAmount, sumOf } from './amounts.ts'
import { type ByPlace, byPlace } from './by-place.ts'
import type { View } from './cause.ts'
import type { ExplainContext, KeyEvidence } from './explain-keys.ts'
import { LOGGED_EFFECTS } from './logged-effects.ts'
import { type Narrowed, narrow, segmentWidths } from './narrow.ts'
import { pairBySequence } from './pair-by-sequence.ts'
import type { BalanceKey, HistoryFacts, Placed, StateRow } from './ports.ts'
import { findSuspects } from './suspect-runs.ts'
import { tallyLedger } from './tally-ledger.ts'

const UNBALANCED_LISTED = 5

/**
 * Gathers what can be known of the keys of transactions-balance: balances, the logs of trades and transfers, and ClickHouse's transactions. Both sides are first
 * compared by segments of their streams, in the stores, and facts are read only where segments differ: what it costs does not grow with the history that is sent.
 */
export async function gatherBalances(mismatches: readonly Mismatch[], context: ExplainContext): Promise<readonly KeyEvidence[]> {
  const { log, history, assets, epoch, factsMax } = context
  const keys = mismatches.map(({ key }): BalanceKey => ({ account: key['account_id'] ?? '', asset: key['asset'] ?? '' }))
  const widths = segmentWidths(epoch)
  const states = await log.balances(keys)
  const totals = await gatherByPlace(log.ledgerSegments(keys, assets, epoch, widths), keys.length)
  const narrowed: (Narrowed & { readonly rows: bigint })[] = []
  for (const [place, key] of keys.entries()) {
    const segmented = await history.transactionSegments(key, epoch, widths)
    narrowed.push({ ...narrow(totals[place] ?? [], segmented.totals, factsMax), rows: segmented.rows })
  }
  const opened = narrowed.flatMap((each, place) => each.opened.map(fact => ({ place, fact })))
  const logged = byPlace(log.ledger(keys, assets, epoch, opened, widths))
  const found: KeyEvidence[] = []
  try {
    for (const [place, each] of narrowed.entries()) {
      const [key, mismatch] = [keys[place], mismatches[place]]
      if (key && mismatch)
        found.push(await gatherBalance({ place, key, mismatch, row: states[place] ?? null, narrowed: each, logged, widths }, context))
    }
  } finally {
    await logged.close()
  }
  return found
}

interface BalanceGathering {
  readonly place: number
  readonly key: BalanceKey
  readonly mismatch: Mismatch
  readonly row: StateRow<Decimal> | null
  readonly narrowed: Narrowed & { readonly rows: bigint }
  readonly logged: ByPlace<LedgerFact>
  readonly widths: SegmentWidths
}

async function gatherBalance(gathering: BalanceGathering, context: ExplainContext): Promise<KeyEvidence> {
  const { place, key, mismatch, row, narrowed, logged, widths } = gathering
  const { history, epoch, limit } = context
  // What is read here is bounded by what was opened.
  const pairs = pairBySequence(logged.of(place), history.transactions(key, epoch, narrowed.opened, widths))
  const { differences } = await tallyLedger(pairs, { limit, factsMax: Number.POSITIVE_INFINITY })
  const state = await judgeState(key, row, mismatch, narrowed.history, context)
  const stateAlone = state.stands && sameAmount(narrowed.log, narrowed.history)
  const unlogged = Object.keys(narrowed.unlogged)
  return {
    mismatch,
    differences,
    ...state,
    log: { store: 'postgres', part: 'trades and transfers', values: balanceText(narrowed.log) },
    histories: [{ store: 'clickhouse', part: 'transactions', values: balanceText(narrowed.history) }],
    aggregating: true,
    read: {
      postgres: narrowed.logged,
      clickhouse: narrowed.rows,
      repeated: narrowed.rows > narrowed.distinct ? narrowed.rows - narrowed.distinct : 0n,
    },
    segmentsLeftOut: narrowed.leftOut,
    unlogged: {
      counts: narrowed.unlogged,
      rows: unlogged.length > 0 ? (await history.otherRows(key, LOGGED_EFFECTS, epoch, limit)).slice(-limit) : [],
    },
    suspects: stateAlone ? await findSuspects(history.transactions(key, epoch, narrowed.recent, widths), wrongBy(mismatch)) : undefined,
    unbalancedEvents: stateAlone && unlogged.length > 0 ? await history.unbalancedEvents(key, unlogged, epoch, UNBALANCED_LISTED) : [],
    truncated: false,
  }
}

async function gatherByPlace<Fact>(facts: AsyncIterable<Placed<Fact>>, places: number): Promise<readonly (readonly Fact[])[]> {
  const found: Fact[][] = Array.from({ length: places }, () => [])
  for await (const { place, fact } of facts) found[place]?.push(fact)
  return found
}

/** Whether the difference stands, and what the balance is or was as of the run's epoch. */
async function judgeState(
  key: BalanceKey,
  row: StateRow<Decimal> | null,
  mismatch: Mismatch,
  sum: Decimal,
  { epoch, history }: ExplainContext,
): Promise<Pick<KeyEvidence, 'state' | 'stateChangedSince' | 'stands' | 'changed'>> {
  const recorded = mismatch.left?.['balance'] ?? null
  const view = (values: AmountTexts | null): View => ({ store: 'postgres', part: 'balances', values })
  const now = row?.values ?? ZERO
  const stateChangedSince = row !== null && !isAtOrBelow(row.stamps, epoch)
  // A row that has moved on is compared with history where it stands now: only if the two are the same is anything said of it.
  const here = stateChangedSince ? await sumUpTo(history, key, join(epoch, row.stamps)) : sum
  const healed = sameAmount(here, now)
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

async function sumUpTo(history: HistoryFacts, key: BalanceKey, epoch: Epoch): Promise<Decimal> {
  const { totals } = await history.transactionSegments(key, epoch, segmentWidths(epoch))
  return sumOf(totals.map(each => each.sum))
}

/** What the state row has more than its history, as the run found it; what one side lacks counts as zero. */
function wrongBy({ left, right }: Mismatch): Decimal {
  const [ours, theirs] = [left, right].map(side => tryParseDecimal(side?.['balance'] ?? '0') ?? ZERO)
  return subtractDecimals(ours ?? ZERO, theirs ?? ZERO)
}

function balanceText(balance: Decimal): AmountTexts {
  return { balance: formatDecimal(balance) }
}
