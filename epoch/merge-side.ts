import type { Lines } from './leg.ts'
import { decodeLine, LINE_FEED } from './line.ts'
import { LineReader } from './line-reader.ts'
import { ReconError } from './recon-error.ts'
import { compareKeys, describeKey, type Row, type RowShape } from './row.ts'

/** One side of the merge: its reader, and the last key taken, which the next one must exceed. */
export class MergeSide {
  readonly reader: LineReader
  readonly #name: string
  readonly #shape: RowShape
  #lastLine: Buffer | undefined
  #peeked: Row | undefined

  constructor(name: string, lines: Lines, shape: RowShape) {
    this.#name = name
    this.#shape = shape
    this.reader = new LineReader(lines)
  }

  /** The next row, if its line is at hand. */
  peek(): Row | undefined {
    if (this.#peeked) return this.#peeked
    const end = this.reader.lineEnd
    if (end === -1) return undefined
    const row = this.#decode(this.reader.bytes.subarray(this.reader.start, end))
    if (this.#lastLine && compareKeys(this.#decode(this.#lastLine).key, row.key) >= 0) {
      throw new ReconError('unordered-leg', `the ${this.#name} leg is not in strictly ascending byte order at key ${describeKey(row.key)}`)
    }
    this.#peeked = row
    return row
  }

  /** Consumes the row that `peek` returned. */
  take(): Row {
    const row = this.peek()
    if (!row) throw new Error('take() without a row at hand')
    this.skip(this.reader.lineEnd + 1 - this.reader.start)
    return row
  }

  /** Consumes whole lines, `length` bytes of them. */
  skip(length: number): void {
    const { bytes, start } = this.reader
    const feed = length >= 2 ? bytes.lastIndexOf(LINE_FEED, start + length - 2) : -1
    this.#lastLine = bytes.subarray(Math.max(feed + 1, start), start + length - 1)
    this.#peeked = undefined
    this.reader.start += length
  }

  #decode(line: Uint8Array): Row {
    const fields = decodeLine(line)
    const { keys, values } = this.#shape
    if (fields.length !== keys.length + values.length) {
      throw new ReconError(
        'malformed-line',
        `the ${this.#name} leg sent ${fields.length} fields where ${[...keys, ...values].join(', ')} were due`,
      )
    }
    return { key: fields.slice(0, keys.length), values: fields.slice(keys.length) }
  }
}
