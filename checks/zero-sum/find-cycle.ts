import { type Epoch, fromStreams } from '../../epoch/epoch.ts'
import type { LegContext } from '../../epoch/leg.ts'
import { StoreError } from '../../epoch/store-error.ts'
import type { Outcome } from '../../epoch/verdict.ts'
import {
  awaitMarks,
  type CycleFacts,
  MARK_STREAM,
  type MarkCycle,
  type NewestCycle,
  newestVouchedCycle,
  newestWrittenCycle,
  readCycleFacts,
} from '../../stores/clickhouse/mark-cycles.ts'
import { asHistoryOfCycles, type MarkTable } from '../../stores/clickhouse/mark-table.ts'
import { requireHistory } from '../../stores/clickhouse/table-facts.ts'
import { watermarksStand } from '../../stores/clickhouse/watermarks.ts'
import { poll } from '../../stores/poll.ts'
import { type CheckSources, horizonOf } from '../check-sources.ts'
import { retrying } from '../deadline.ts'
import { columnOf } from '../reference-model.ts'

const TABLE = 'pnl_marks'

/** The cycle that a run looks at, if there is one. */
export type FoundCycle =
  /** `epoch`: what the cycle was computed at, and for the streams that move no position how far the transactions are vouched for. */
  | {
      readonly kind: 'computed'
      readonly cycle: MarkCycle
      /** Whether deliveries seem to have been repeated. */
      readonly repeats: boolean
      readonly facts: CycleFacts
      readonly epoch: Epoch
    }
  /** Its watermark counts marks, and there is not a single one, of it or of an earlier cycle, to say what it was computed at. */
  | { readonly kind: 'without-rows'; readonly cycle: MarkCycle }
  /** There is no cycle, and another way to a verdict. */
  | { readonly kind: 'settled'; readonly outcome: Outcome }

/** The table of marks as the deployment calls it. */
export function marksOf({ tables }: Pick<CheckSources, 'tables'>): MarkTable {
  const mapped = tables.clickhouse.pnl_marks
  const column = (name: string) => columnOf(mapped, name)
  return {
    table: { database: mapped.schema, name: mapped.name },
    columns: {
      mark_cycle: column('mark_cycle'),
      stream: column('stream'),
      sequence: column('sequence'),
      account_id: column('account_id'),
      symbol: column('symbol'),
      asset: column('asset'),
      mark_price: column('mark_price'),
      realized_pnl: column('realized_pnl'),
      unrealized_pnl: column('unrealized_pnl'),
      marked_at: column('marked_at'),
    },
  }
}

/**
 * Finds the newest mark cycle that is vouched for, waits for its rows, and reads what it was computed at; a cycle without a watermark is not looked at. Where
 * rows are missing until the deadline it goes by those that are there. `streams` are those of the transactions; `otherwise` may have the verdict where there is no cycle.
 * Throws `StoreError`: `horizon-timeout` where no cycle comes, `watermark-conflict`, and whatever the store says.
 */
export async function findCycle(
  sources: CheckSources,
  streams: readonly string[],
  otherwise: () => Promise<Outcome | undefined>,
  deadlineMs: number,
  context: LegContext,
): Promise<FoundCycle> {
  const { clickhouse } = sources
  const marks = marksOf(sources)
  const ask = <T>(question: () => Promise<T>) => retrying(deadlineMs, context, question)
  await ask(() => requireHistory(clickhouse, asHistoryOfCycles(marks), context))
  const look = () => ask(() => newestCycle(sources, marks, context))
  const first = await look()
  const outcome = first.kind === 'none' ? await otherwise() : undefined
  if (outcome) return { kind: 'settled', outcome }
  const newest = await poll(look, ({ kind }) => kind !== 'none', deadlineMs, context)
  if (newest.kind === 'none') {
    const late = await otherwise()
    if (late) return { kind: 'settled', outcome: late }
    throw noCycle(clickhouse.store.name)
  }
  if (newest.kind === 'conflict') throw conflict(clickhouse.store.name, newest)
  const { cycle } = newest
  if (sources.horizon.strategy === 'settle') await context.clock.sleep(sources.horizon.settleMs, context.signal)
  const awaited = await ask(() => awaitMarks(clickhouse, marks, cycle, deadlineMs, context))
  const facts = await ask(() => factsOf(sources, marks, cycle, awaited, context))
  if (!facts) return { kind: 'without-rows', cycle }
  const standing = await ask(() => standingOf(sources, context))
  const names = [...new Set([facts.stream, ...streams])]
  const epoch = fromStreams(names, stream => (stream === facts.stream ? facts.sequence : (standing.get(stream) ?? 0n)))
  return { kind: 'computed', cycle, ...awaited, facts, epoch }
}

async function newestCycle({ clickhouse, ...sources }: CheckSources, marks: MarkTable, context: LegContext): Promise<NewestCycle> {
  const horizon = horizonOf(sources, TABLE)
  if (horizon.strategy === 'watermark') return newestVouchedCycle(clickhouse, horizon.watermarks, TABLE, context)
  const number = await newestWrittenCycle(clickhouse, marks, undefined, context)
  return number === undefined ? { kind: 'none' } : { kind: 'found', cycle: { number, after: number - 1n, rowsTotal: undefined } }
}

/** What the cycle says of itself; where it has no rows, what the one before it says, since no position that was there then is gone. */
async function factsOf(
  { clickhouse }: CheckSources,
  marks: MarkTable,
  { number }: MarkCycle,
  repeats: { readonly repeats: boolean },
  context: LegContext,
): Promise<CycleFacts | undefined> {
  const own = await readCycleFacts(clickhouse, marks, number, repeats, context)
  if (own) return own
  const before = await newestWrittenCycle(clickhouse, marks, number, context)
  return before === undefined ? undefined : readCycleFacts(clickhouse, marks, before, { repeats: true }, context)
}

async function standingOf({ clickhouse, ...sources }: CheckSources, context: LegContext): Promise<ReadonlyMap<string, bigint>> {
  const horizon = horizonOf(sources, 'transactions')
  return horizon.strategy === 'watermark' ? watermarksStand(clickhouse, horizon.watermarks, 'transactions', context) : new Map()
}

function noCycle(store: string): StoreError {
  const what = `no mark cycle is vouched for: there is no watermark of ${TABLE} for stream ${MARK_STREAM} that counts a mark`
  return new StoreError(store, 'horizon-timeout', `${what}; look whether the sink publishes mark cycles`)
}

function conflict(store: string, { number, rowsTotal }: Extract<NewestCycle, { readonly kind: 'conflict' }>): StoreError {
  const where = `the watermarks of ${TABLE} for mark cycle ${number} disagree: ${rowsTotal.join(' and ')} rows`
  return new StoreError(store, 'watermark-conflict', `${where}; the sink counts wrong, or two of them write`)
}
