import type { Epoch, Sequence } from './epoch.ts'
import { sequenceOf } from './epoch.ts'

/**
 * How far an eventually visible table may be read: for each stream the sequence `at`, and with watermarks the number of distinct rows
 * (content addresses) that stand at or below it. A settled horizon knows no totals: it is weaker, and says so in the evidence. A log whose order is
 * commit order, in the very store that brings the epoch, needs none: it is complete at each epoch that was read there.
 */
export type Horizon =
  | { readonly strategy: 'watermark'; readonly table: string; readonly at: Epoch; readonly rowsTotal: Readonly<Record<string, bigint>> }
  | { readonly strategy: 'settle' | 'log'; readonly table: string; readonly at: Epoch }

/** One watermark as the sink wrote it: up to `sequence`, that many distinct rows. Two totals at one sequence are a conflict. */
export interface Watermark {
  readonly stream: string
  readonly sequence: Sequence
  readonly rowsTotal: readonly bigint[]
}

/** Where the watermarks of one stream stand when none is far enough. */
export interface HorizonGap {
  readonly table: string
  readonly stream: string
  readonly standsAt: Sequence
  readonly needed: Sequence
}

/** What came of waiting for a horizon. */
export type HorizonReply =
  | { readonly kind: 'reached'; readonly horizon: Horizon }
  | { readonly kind: 'behind'; readonly gaps: readonly HorizonGap[] }
  | { readonly kind: 'conflict'; readonly table: string; readonly watermark: Watermark }

/**
 * Rows counted by the statement that read them, up to the horizon: distinct facts, and the distinct content addresses they stand under, per
 * stream; and the rows of streams that nobody declared, which belong to no epoch.
 */
export interface CountedRows {
  readonly facts: Readonly<Record<string, bigint>>
  readonly addresses: Readonly<Record<string, bigint>>
  readonly undeclared: bigint
  /** All rows, repeated deliveries included. */
  readonly rows: bigint
  /** Whether repeated deliveries went into the sums, so that nothing may be judged by this reading; absent: no. */
  readonly repeated?: boolean
  /** What was not read again since it had been verified before, and is in the counts above; absent where everything was read. */
  readonly verified?: VerifiedHistory
}

/** The history below a checkpoint, as a run takes it over. */
export interface VerifiedHistory {
  /** The first sequence that the run read itself, per stream. */
  readonly from: Epoch
  /** When the checkpoint was made, ISO 8601. */
  readonly madeAt: string
  /** When that of its segments which was looked at least recently was last seen unchanged, ISO 8601; null where it covers none. */
  readonly auditedAt: string | null
}

/** Whether what was read is what the watermarks vouch for. Each difference names the stream, and is found minus expected. */
export type Completeness =
  | { readonly kind: 'complete' }
  | { readonly kind: 'short'; readonly differences: Readonly<Record<string, bigint>> }
  | { readonly kind: 'extra'; readonly differences: Readonly<Record<string, bigint>> }
  | { readonly kind: 'conflicting'; readonly differences: Readonly<Record<string, bigint>> }
  | { readonly kind: 'unsettled'; readonly differences: Readonly<Record<string, bigint>> }

/**
 * Chooses the horizon among watermarks: for each stream the least one at or above the epoch, which the store has found already.
 * A stream at 0 needs none: nothing was consumed, so nothing may be there.
 */
export function chooseHorizon(
  table: string,
  epoch: Epoch,
  streams: readonly string[],
  found: ReadonlyMap<string, Watermark>,
  standing: ReadonlyMap<string, Sequence>,
): HorizonReply {
  const at: Record<string, Sequence> = {}
  const rowsTotal: Record<string, bigint> = {}
  const gaps: HorizonGap[] = []
  for (const stream of streams) {
    const needed = sequenceOf(epoch, stream)
    const least = found.get(stream)
    // At 0 nothing was consumed, and no watermark is due; one that stands there all the same says what a feed that begins at 0 has brought.
    const watermark = needed === 0n && least?.sequence !== 0n ? { stream, sequence: 0n, rowsTotal: [0n] } : least
    const [total, ...others] = watermark?.rowsTotal ?? []
    if (watermark === undefined || total === undefined) {
      gaps.push({ table, stream, standsAt: standing.get(stream) ?? 0n, needed })
      continue
    }
    if (others.length > 0) return { kind: 'conflict', table, watermark }
    at[stream] = watermark.sequence
    rowsTotal[stream] = total
  }
  return gaps.length > 0 ? { kind: 'behind', gaps } : { kind: 'reached', horizon: { strategy: 'watermark', table, at, rowsTotal } }
}

/**
 * Judges what was counted. A reading whose sums hold a delivery twice says nothing, and must be made again. Missing rows go first, since they
 * may still come. Fewer facts than addresses is impossible in one snapshot: the table moved between the parts of the statement, which must be
 * read again. More facts than addresses are two facts under one address. Rows too many come last, those of undeclared streams among them.
 */
export function judgeCompleteness(horizon: Horizon, counted: CountedRows): Completeness {
  const vouched = horizon.strategy === 'watermark' ? horizon.rowsTotal : {}
  const gaps = differences(Object.keys(vouched), stream => (counted.addresses[stream] ?? 0n) - (vouched[stream] ?? 0n))
  const short = only(gaps, gap => gap < 0n)
  if (counted.repeated) return { kind: 'unsettled', differences: {} }
  if (short) return { kind: 'short', differences: short }
  const doubled = differences(Object.keys(counted.facts), stream => (counted.facts[stream] ?? 0n) - (counted.addresses[stream] ?? 0n))
  const unsettled = only(doubled, gap => gap < 0n)
  if (unsettled) return { kind: 'unsettled', differences: unsettled }
  const conflicting = only(doubled, gap => gap > 0n)
  if (conflicting) return { kind: 'conflicting', differences: conflicting }
  const extra = only({ ...gaps, ...(counted.undeclared > 0n ? { 'undeclared streams': counted.undeclared } : {}) }, gap => gap > 0n)
  return extra ? { kind: 'extra', differences: extra } : { kind: 'complete' }
}

/** Those of the differences that are so; undefined where none is. */
function only(found: Readonly<Record<string, bigint>>, is: (gap: bigint) => boolean): Readonly<Record<string, bigint>> | undefined {
  const entries = Object.entries(found).filter(([, gap]) => is(gap))
  return entries.length > 0 ? Object.fromEntries(entries) : undefined
}

function differences(streams: readonly string[], difference: (stream: string) => bigint): Readonly<Record<string, bigint>> {
  return Object.fromEntries(streams.map(stream => [stream, difference(stream)] as const).filter(([, gap]) => gap !== 0n))
}
