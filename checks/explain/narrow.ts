import { addDecimals, type Decimal, ZERO } from '../../epoch/decimal.ts'
import { type Epoch, sequenceOf } from '../../epoch/epoch.ts'
import type { Segment, SegmentTotals, SegmentWidths } from '../../epoch/fact.ts'
import { sameAmount } from './amounts.ts'
import { isLoggedEffect } from './logged-effects.ts'
import { comparePlaces } from './pair-by-sequence.ts'

/** Into how many segments a stream is cut: few enough to be compared at once, many enough for one of them to be read in a moment. */
const SEGMENTS = 1_024n

/** The widths that cut the streams of an epoch into segments. */
export function segmentWidths(epoch: Epoch): SegmentWidths {
  return Object.fromEntries(Object.keys(epoch).map(stream => [stream, sequenceOf(epoch, stream) / SEGMENTS + 1n]))
}

/** What the segments of one balance come to as a whole, on both sides, and which of them hold facts that differ. */
export interface Narrowed {
  /** The sum of the logs, with what they do not log as ClickHouse has it. */
  readonly log: Decimal
  readonly history: Decimal
  readonly logged: bigint
  /** ClickHouse's distinct rows. */
  readonly distinct: bigint
  readonly unlogged: Readonly<Record<string, bigint>>
  /** The segments in which the two sides differ and which are to be read, in order, and how many more there are. */
  readonly opened: readonly Segment[]
  readonly leftOut: bigint
  /** The last segments of each stream of ClickHouse that together hold no more facts than may be read, in order. */
  readonly recent: readonly Segment[]
}

/** Compares two sides segment by segment. No more than `factsMax` facts are opened, but the first differing segment of each stream always is. */
export function narrow(logged: readonly SegmentTotals[], rows: readonly SegmentTotals[], factsMax: number): Narrowed {
  const confirmable = rows.filter(isLoggedEffect)
  const unlogged = rows.filter(row => !isLoggedEffect(row))
  const differing = differingSegments(logged, confirmable)
  const firsts = differing.filter((segment, at) => differing[at - 1]?.stream !== segment.stream)
  const opened = withinBound([...firsts, ...differing.filter(segment => !firsts.includes(segment))], factsMax, firsts.length)
  const last = segmentsOf(rows).reverse()
  const recent = [...new Set(last.map(({ stream }) => stream))].flatMap(stream =>
    withinBound(
      last.filter(segment => segment.stream === stream),
      factsMax,
      1,
    ),
  )
  const unloggedCounts: Record<string, bigint> = {}
  for (const { effect, facts } of unlogged) unloggedCounts[effect] = (unloggedCounts[effect] ?? 0n) + facts
  return {
    log: total([...logged, ...unlogged]),
    history: total(rows),
    logged: count(logged),
    distinct: count(rows),
    unlogged: unloggedCounts,
    opened: inOrder(opened),
    leftOut: BigInt(differing.length - opened.length),
    recent: inOrder(recent),
  }
}

interface CountedSegment extends Segment {
  readonly facts: bigint
}

/** The segments in which any kind of fact differs in number, sum or weighted sum, in order, with how many facts they hold on both sides. */
function differingSegments(logged: readonly SegmentTotals[], rows: readonly SegmentTotals[]): readonly CountedSegment[] {
  const keyOf = ({ stream, segment, effect }: SegmentTotals) => JSON.stringify([stream, segment.toString(), effect])
  const theirs = new Map(rows.map(totals => [keyOf(totals), totals]))
  const ours = new Map(logged.map(totals => [keyOf(totals), totals]))
  const differ = (a: SegmentTotals | undefined, b: SegmentTotals | undefined) =>
    !(a && b && a.facts === b.facts && sameAmount(a.sum, b.sum) && sameAmount(a.weighted, b.weighted))
  const wrong = [...new Set([...ours.keys(), ...theirs.keys()])].flatMap(key => {
    const [a, b] = [ours.get(key), theirs.get(key)]
    return differ(a, b) ? [nameOf(a ?? b)] : []
  })
  const names = new Set(wrong)
  return segmentsOf([...logged, ...rows]).filter(segment => names.has(nameOf(segment)))
}

/** The segments that hold anything, in order. */
function segmentsOf(totals: readonly SegmentTotals[]): CountedSegment[] {
  const found = new Map<string, CountedSegment>()
  for (const { stream, segment, facts } of totals) {
    const name = nameOf({ stream, segment })
    found.set(name, { stream, segment, facts: facts + (found.get(name)?.facts ?? 0n) })
  }
  return [...found.values()].sort(compareSegments)
}

function withinBound(segments: readonly CountedSegment[], factsMax: number, least: number): readonly CountedSegment[] {
  let facts = 0n
  const end = segments.findIndex((segment, at) => {
    facts += segment.facts
    return at >= least && facts > BigInt(factsMax)
  })
  return end < 0 ? segments : segments.slice(0, end)
}

function inOrder(segments: readonly CountedSegment[]): readonly Segment[] {
  return [...segments].sort(compareSegments).map(({ stream, segment }) => ({ stream, segment }))
}

function compareSegments(a: Segment, b: Segment): number {
  return comparePlaces({ stream: a.stream, sequence: a.segment }, { stream: b.stream, sequence: b.segment })
}

function nameOf(segment: Segment | undefined): string {
  return segment ? `${segment.segment} ${segment.stream}` : ''
}

function total(totals: readonly SegmentTotals[]): Decimal {
  return totals.reduce((sum, totalsOf) => addDecimals(sum, totalsOf.sum), ZERO)
}

function count(totals: readonly SegmentTotals[]): bigint {
  return totals.reduce((sum, { facts }) => sum + facts, 0n)
}
