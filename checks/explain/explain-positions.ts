import { formatDecimal } from '../../epoch/decimal.ts'
import { isAtOrBelow, join } from '../../epoch/epoch.ts'
import type { LedgerFact, PositionFact, PositionValues } from '../../epoch/fact.ts'
import type { Mismatch, NamedFields } from '../../epoch/mismatch.ts'
import { type AmountTexts, positionTexts } from './amounts.ts'
import { byPlace } from './by-place.ts'
import type { View } from './cause.ts'
import { joinDifferences } from './difference-list.ts'
import type { ExplainContext, KeyEvidence } from './explain-keys.ts'
import { pairBySequence } from './pair-by-sequence.ts'
import type { PositionKey, StateRow } from './ports.ts'
import { tallyLedger } from './tally-ledger.ts'
import { type PositionTally, tallyPositions } from './tally-positions.ts'

/** Gathers what can be known of the keys of positions-match: PostgreSQL's positions and its log of trades, and ClickHouse's positions. */
export async function gatherPositions(mismatches: readonly Mismatch[], context: ExplainContext): Promise<readonly KeyEvidence[]> {
  return walk(mismatches, context, async ({ key, mismatch, row, tally }) => {
    const { epoch, history, factsMax } = context
    const stateChangedSince = row !== null && !isAtOrBelow(row.stamps, epoch)
    // A row that has moved on is compared with history where it stands now: only if the two are the same is anything said of it.
    const here = stateChangedSince ? await lastOf(history.positions(key, join(epoch, row.stamps)), factsMax) : tally.history
    const state: View = {
      store: 'postgres',
      part: 'positions',
      values: stateChangedSince ? textsOf(mismatch.left) : positionText(row?.values ?? null),
    }
    const histories: readonly View[] = [{ store: 'clickhouse', part: 'positions', values: positionText(tally.history) }]
    return {
      ...common(mismatch, tally),
      state,
      stateChangedSince,
      log: { store: 'postgres', part: 'trades', values: positionText(tally.log) },
      histories,
      aggregating: false,
      stands: here === undefined || !same(positionText(here), positionText(row?.values ?? null)),
      changed: changedOf(same, [
        [histories[0], textsOf(mismatch.right)],
        [stateChangedSince ? undefined : state, textsOf(mismatch.left)],
      ]),
    }
  })
}

/**
 * Gathers what can be known of the keys of position-realized-pnls-balance: ClickHouse's positions and its transactions of realized PnL, which the log of trades can
 * tell apart.
 */
export async function gatherRealized(mismatches: readonly Mismatch[], context: ExplainContext): Promise<readonly KeyEvidence[]> {
  const { log, history, epoch, limit, factsMax } = context
  const keys = mismatches.map(keyOf)
  const logged = byPlace(log.executions(keys, epoch))
  try {
    return await walk(mismatches, context, async ({ key, place, mismatch, row, tally }) => {
      const pairs = pairBySequence(realizedBy(logged.of(place)), history.realized(key, epoch))
      const realized = await tallyLedger(pairs, { limit, factsMax })
      const text = (values: PositionValues | null): AmountTexts | null => values && { realized_pnl: formatDecimal(values.realized_pnl) }
      const stateChangedSince = row !== null && !isAtOrBelow(row.stamps, epoch)
      const positions: View = { store: 'clickhouse', part: 'positions', values: text(tally.history) }
      const transactions: View = { store: 'clickhouse', part: 'transactions', values: { realized_pnl: formatDecimal(realized.history) } }
      return {
        ...common(mismatch, tally),
        differences: joinDifferences(tally.differences, realized.differences, limit),
        read: {
          postgres: tally.logged,
          clickhouse: tally.rows + realized.rows,
          repeated: tally.repeated + realized.repeated,
        },
        state: stateChangedSince ? undefined : { store: 'postgres', part: 'positions', values: text(row?.values ?? null) },
        stateChangedSince,
        log: { store: 'postgres', part: 'trades', values: text(tally.log) },
        histories: [positions, transactions],
        aggregating: true,
        stands: !sameSum(positions.values, transactions.values),
        changed: changedOf(sameSum, [
          [positions, textsOf(mismatch.left)],
          [transactions, textsOf(mismatch.right)],
        ]),
        truncated: tally.truncated || realized.truncated,
      }
    })
  } finally {
    await logged.close()
  }
}

interface Walked {
  readonly key: PositionKey
  readonly place: number
  readonly mismatch: Mismatch
  readonly row: StateRow<PositionValues> | null
  readonly tally: PositionTally
}

async function walk(
  mismatches: readonly Mismatch[],
  { log, history, epoch, limit, factsMax }: ExplainContext,
  judge: (walked: Walked) => Promise<KeyEvidence>,
): Promise<readonly KeyEvidence[]> {
  const keys = mismatches.map(keyOf)
  const states = await log.positions(keys)
  const logged = byPlace(log.executions(keys, epoch))
  const found: KeyEvidence[] = []
  try {
    for (const [place, mismatch] of mismatches.entries()) {
      const key = keyOf(mismatch)
      const tally = await tallyPositions(pairBySequence(logged.of(place), history.positions(key, epoch)), { limit, factsMax })
      found.push(await judge({ key, place, mismatch, row: states[place] ?? null, tally }))
    }
  } finally {
    await logged.close()
  }
  return found
}

function common(mismatch: Mismatch, tally: PositionTally) {
  return {
    mismatch,
    differences: tally.differences,
    read: { postgres: tally.logged, clickhouse: tally.rows, repeated: tally.repeated },
    segmentsLeftOut: 0n,
    unlogged: undefined,
    suspects: undefined,
    unbalancedEvents: [],
    truncated: tally.truncated,
  } as const
}

/** What executions realized, as the transactions that ClickHouse should have of it. */
async function* realizedBy(executions: AsyncIterable<PositionFact>): AsyncGenerator<LedgerFact> {
  for await (const { stream, sequence, account, symbol, values, time, ids } of executions) {
    yield { stream, sequence, effect: 'realized_pnl', account, asset: null, symbol, amount: values.realized_pnl, time, ids }
  }
}

async function lastOf(rows: AsyncIterable<PositionFact>, factsMax: number): Promise<PositionValues | null | undefined> {
  let last: PositionFact | undefined
  let read = 0
  for await (const row of rows) {
    if (++read > factsMax) return undefined
    const later = !last || row.sequence > last.sequence || Buffer.compare(Buffer.from(row.executionId), Buffer.from(last.executionId)) >= 0
    if (later) last = row
  }
  return last?.values ?? null
}

/** The first view that says something else than it did when the run read it. */
function changedOf(
  agree: (a: AmountTexts | null, b: AmountTexts | null) => boolean,
  views: readonly (readonly [view: View | undefined, before: AmountTexts | null])[],
): KeyEvidence['changed'] {
  for (const [view, before] of views) if (view && !agree(view.values, before)) return { view, before }
  return undefined
}

function keyOf({ key }: Mismatch): PositionKey {
  return { account: key['account_id'] ?? '', symbol: key['symbol'] ?? '' }
}

function positionText(values: PositionValues | null): AmountTexts | null {
  return values && positionTexts(values)
}

function textsOf(fields: NamedFields | null): AmountTexts | null {
  return fields && Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, value ?? 'NULL']))
}

function same(a: AmountTexts | null, b: AmountTexts | null): boolean {
  if (a === null || b === null) return a === b
  return Object.keys(a).every(name => a[name] === b[name])
}

/** As sums, where zero and absent are the same. */
function sameSum(a: AmountTexts | null, b: AmountTexts | null): boolean {
  return (a?.['realized_pnl'] ?? '0') === (b?.['realized_pnl'] ?? '0')
}
