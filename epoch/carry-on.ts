import { addDecimals, formatDecimal, parseDecimal } from './decimal.ts'
import type { Lines } from './leg.ts'
import { decodeLine, LINE_FEED } from './line.ts'
import { LineReader } from './line-reader.ts'
import { compareKeys, type RowShape } from './row.ts'

/** How a value goes on from what it was: sums are added, a last value is replaced. */
export type Carry = 'sum' | 'last'

const TAB = 0x09
const CHUNK_BYTES = 64 * 1024
const WINDOW_BYTES = 1024

/**
 * Carries verified rows on by the rows of what came after: one ordered merge of canonical lines, which gives the lines of the whole. A key of one side only
 * stays as it is, byte for byte. `carries` has an entry for each value of the shape. Both sides must come from the same store, so that equal keys are equal
 * bytes, and in ascending order of their keys; both are closed before it ends.
 */
export async function* carryOn(verified: Lines, since: Lines, shape: RowShape, carries: readonly Carry[]): AsyncGenerator<Uint8Array> {
  const [old, fresh] = [new LineReader(verified), new LineReader(since)]
  const keys = shape.keys.length
  let pending: Uint8Array[] = []
  let pendingBytes = 0
  const put = (bytes: Uint8Array) => {
    pending.push(bytes)
    pendingBytes += bytes.length
  }
  const takePending = () => {
    const bytes = Buffer.concat(pending)
    pending = []
    pendingBytes = 0
    return bytes
  }
  try {
    while (await fresh.ensureLine()) {
      const line = takeLine(fresh)
      const key = line.subarray(0, keyEnd(line, keys))
      for (;;) {
        if (!(await old.ensureLine())) {
          put(line)
          break
        }
        const order = passOver(old, key, keys, put)
        if (order === undefined) {
          if (pendingBytes >= CHUNK_BYTES) yield takePending()
          continue
        }
        put(order === 0 ? combined(takeLine(old), line, keys, carries) : line)
        break
      }
      if (pendingBytes >= CHUNK_BYTES) yield takePending()
    }
    if (pending.length > 0) yield takePending()
    // What is left of the verified rows has nothing new.
    while (await old.ensureLine()) {
      const end = old.bytes.lastIndexOf(LINE_FEED) + 1
      yield old.bytes.subarray(old.start, end)
      old.start = end
    }
  } finally {
    await Promise.all([old.close(), fresh.close()])
  }
}

/**
 * Puts the verified lines at hand whose key lies before `key`. Gives 0 where the next line has that key, 1 where it lies behind it, and undefined where all
 * lines at hand are used up. A key that goes on is looked for as bytes before any line is decoded, in a window that grows, so that one which is new costs no
 * more than the lines before it.
 */
function passOver(old: LineReader, key: Uint8Array, keys: number, put: (bytes: Uint8Array) => void): 0 | 1 | undefined {
  const { bytes } = old
  const from = old.start
  const end = bytes.lastIndexOf(LINE_FEED) + 1
  const wanted = decodeLine(key)
  let order = -1
  for (let window = WINDOW_BYTES; order < 0 && old.start < end; window *= 2) {
    const until = Math.min(old.start + window, end)
    const found = startOfLineWith(bytes, old.start, until, key)
    if (found !== -1) {
      old.start = found
      order = 0
    }
    while (order < 0 && old.start < until) {
      const line = bytes.subarray(old.start, old.lineEnd)
      order = compareKeys(decodeLine(line.subarray(0, keyEnd(line, keys))), wanted)
      if (order < 0) old.start += line.length + 1
    }
  }
  if (old.start > from) put(bytes.subarray(from, old.start))
  return order < 0 ? undefined : order === 0 ? 0 : 1
}

/** Where a line begins in `start` to `end` that has exactly this key; -1 where none does. */
function startOfLineWith(bytes: Buffer, start: number, end: number, key: Uint8Array): number {
  const within = bytes.subarray(0, Math.min(end + key.length, bytes.length))
  for (let at = within.indexOf(key, start); at !== -1 && at < end; at = within.indexOf(key, at + 1)) {
    const begins = at === start || bytes[at - 1] === LINE_FEED
    if (begins && bytes[at + key.length] === TAB) return at
  }
  return -1
}

function takeLine(reader: LineReader): Buffer {
  const line = reader.bytes.subarray(reader.start, reader.lineEnd + 1)
  reader.start += line.length
  return line
}

/** Where the keys of a line end: at the tab before its first value. */
function keyEnd(line: Uint8Array, keys: number): number {
  let end = -1
  for (let key = 0; key < keys; key++) end = line.indexOf(TAB, end + 1)
  return end
}

function combined(old: Buffer, fresh: Buffer, keys: number, carries: readonly Carry[]): Uint8Array {
  const end = keyEnd(fresh, keys)
  const [before, after] = [valuesOf(old, keys), valuesOf(fresh, keys)]
  const values = after.map((value, at) =>
    carries[at] === 'last' ? value : formatDecimal(addDecimals(parseDecimal(before[at] ?? ''), parseDecimal(value))),
  )
  return Buffer.concat([fresh.subarray(0, end + 1), Buffer.from(`${values.join('\t')}\n`)])
}

/** The values of a line as text: they are decimals, in which nothing is escaped. */
function valuesOf(line: Buffer, keys: number): string[] {
  return line
    .subarray(keyEnd(line, keys) + 1, -1)
    .toString('latin1')
    .split('\t')
}
