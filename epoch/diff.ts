import type { Canary } from './canary.ts'
import type { Lines } from './leg.ts'
import { LINE_FEED } from './line.ts'
import { MergeSide } from './merge-side.ts'
import type { Comparison } from './mismatch.ts'
import { compareKeys, type RowShape } from './row.ts'
import { Tally } from './tally.ts'

/** How many mismatches to list, and when to stop. */
export interface CompareOptions {
  readonly maxMismatches: number
  readonly signal?: AbortSignal
  /** The row that both sides carry, differently, and that is taken out again; absent: none. */
  readonly canary?: Canary
}

/**
 * Compares two legs by one ordered merge: keys in byte order, values as exact decimals, no tolerance. Runs of equal bytes are compared as
 * memory; a line is decoded only where they part. Both sides are closed before it settles.
 * Throws `ReconError` where it sees that a side is not strictly ascending (`unordered-leg`) or that a line has not the fields of the shape (`malformed-line`);
 * within runs of equal bytes it does not look, since there both sides say the same.
 */
export async function compare(left: Lines, right: Lines, shape: RowShape, options: CompareOptions): Promise<Comparison> {
  const sides = { left: new MergeSide('left', left, shape), right: new MergeSide('right', right, shape) }
  const tally = new Tally(shape, options.maxMismatches, options.canary)
  try {
    while (true) {
      options.signal?.throwIfAborted()
      const [hasLeft, hasRight] = [await sides.left.reader.ensureLine(), await sides.right.reader.ensureLine()]
      if (!hasLeft && !hasRight) return tally.comparison
      if (hasLeft && hasRight) tally.keysCompared += skipEqualLines(sides.left, sides.right)
      await mergeOneKey(sides.left, sides.right, tally)
    }
  } finally {
    await Promise.all([sides.left.reader.close(), sides.right.reader.close()])
  }
}

/** Takes the lesser of the two next keys, or both where they are the same; does nothing where a side must be filled first. */
async function mergeOneKey(left: MergeSide, right: MergeSide, tally: Tally): Promise<void> {
  const l = left.peek()
  const r = right.peek()
  if ((l === undefined && !left.reader.ended) || (r === undefined && !right.reader.ended)) return
  if (l === undefined && r === undefined) return
  const order = l === undefined ? 1 : r === undefined ? -1 : compareKeys(l.key, r.key)
  const [leftRow, rightRow] = [order <= 0 ? left.take() : undefined, order >= 0 ? right.take() : undefined]
  tally.judge(leftRow, rightRow)
}

/**
 * Consumes the lines at the head of both sides that are the same bytes, and returns how many. The window grows while it finds no difference
 * and starts small, so that neither a long equal run nor a dense patch of differences costs more than one pass over the bytes.
 */
function skipEqualLines(left: MergeSide, right: MergeSide): bigint {
  const [a, b] = [left.reader, right.reader]
  const atHand = Math.min(a.available, b.available)
  let equal = 0
  for (let window = 128; equal < atHand; window = Math.min(window * 2, 1 << 20)) {
    const size = Math.min(window, atHand - equal)
    const [from, to] = [a.start + equal, b.start + equal]
    if (a.bytes.compare(b.bytes, to, to + size, from, from + size) === 0) {
      equal += size
      continue
    }
    while (a.bytes[a.start + equal] === b.bytes[b.start + equal]) equal++
    break
  }
  const lastFeed = equal === 0 ? -1 : a.bytes.lastIndexOf(LINE_FEED, a.start + equal - 1)
  if (lastFeed < a.start) return 0n
  const length = lastFeed + 1 - a.start
  const lines = countLineFeeds(a.bytes, a.start, lastFeed + 1)
  left.skip(length)
  right.skip(length)
  return lines
}

function countLineFeeds(bytes: Buffer, from: number, to: number): bigint {
  let lines = 0
  for (let at = bytes.indexOf(LINE_FEED, from); at !== -1 && at < to; at = bytes.indexOf(LINE_FEED, at + 1)) lines++
  return BigInt(lines)
}
