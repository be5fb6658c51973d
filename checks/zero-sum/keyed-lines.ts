import type { Lines } from '../../epoch/leg.ts'
import { decodeLine, type Field } from '../../epoch/line.ts'
import { LineReader } from '../../epoch/line-reader.ts'
import { ReconError } from '../../epoch/recon-error.ts'
import { compareKeys, describeKey } from '../../epoch/row.ts'

const TAB = 9
const NOTHING: Buffer = Buffer.alloc(0)

/** Lines whose first two fields are their key, one at a time, for a merge that decodes a key only where its sides part. */
export class KeyedLines {
  readonly #name: string
  readonly #fields: number
  readonly #mayRepeat: boolean
  readonly #reader: LineReader
  #end = -1
  #keyEnd = -1
  #taken = { bytes: NOTHING, start: 0, end: 0 }

  /** `fields`: how many there are in a line, the two of the key among them. `mayRepeat`: whether several lines may have one key. */
  constructor(name: string, lines: Lines, fields: number, mayRepeat: boolean) {
    this.#name = name
    this.#fields = fields
    this.#mayRepeat = mayRepeat
    this.#reader = new LineReader(lines)
  }

  /** Makes sure that a whole line is at hand; false when there are no more. */
  async ensure(): Promise<boolean> {
    return (await this.#reader.ensureLine()) && this.atHand()
  }

  /** Whether a whole line is at hand. */
  atHand(): boolean {
    if (this.#end === -1) this.#find()
    return this.#end !== -1
  }

  /** Whether there are no more lines. */
  get ended(): boolean {
    return this.#reader.ended && !this.atHand()
  }

  /** The key of the line at hand, as it stands there. */
  get rawKey(): Buffer {
    return this.#reader.bytes.subarray(this.#reader.start, this.#keyEnd)
  }

  /** The key decoded. */
  get key(): readonly Field[] {
    return decodeLine(this.rawKey)
  }

  /** Whether a line is at hand and has this key. */
  hasKey(raw: Buffer): boolean {
    return this.atHand() && sameBytes(raw, 0, raw.length, this.#reader.bytes, this.#reader.start, this.#keyEnd)
  }

  /** Whether the line taken last has the key of the line at hand. */
  repeatsKey(): boolean {
    const { bytes, start, end } = this.#taken
    return end > start && sameBytes(bytes, start, end, this.#reader.bytes, this.#reader.start, this.#keyEnd)
  }

  /** The whole line at hand. */
  get rawLine(): Buffer {
    return this.#reader.bytes.subarray(this.#reader.start, this.#end)
  }

  /** The fields behind the key, as they stand there: for numbers, and for text that is only looked at as a whole. */
  values(): readonly string[] {
    const values = this.#reader.bytes.toString('latin1', this.#keyEnd + 1, this.#end).split('\t')
    if (values.length === this.#fields - 2) return values
    throw new ReconError('malformed-line', `the ${this.#name} sent ${values.length + 2} fields where ${this.#fields} were due`)
  }

  /** Throws `unordered-leg` unless the line at hand comes after the one taken last, or has the same key where that may be. */
  requireOrder(): void {
    const { bytes, start, end } = this.#taken
    if (end === start) return
    const order = compareKeys(decodeLine(bytes.subarray(start, end)), this.key)
    if (order < 0 || (order === 0 && this.#mayRepeat)) return
    throw new ReconError('unordered-leg', `the ${this.#name} are not in ascending byte order at key ${describeKey(this.key)}`)
  }

  /** Goes on to the next line. */
  take(): void {
    const { bytes, start } = this.#reader
    this.#taken = { bytes, start, end: this.#keyEnd }
    this.#reader.start = this.#end + 1
    this.#end = -1
  }

  /** Ends the source. */
  async close(): Promise<void> {
    await this.#reader.close()
  }

  #find(): void {
    const end = this.#reader.lineEnd
    if (end === -1) return
    const { bytes, start } = this.#reader
    const first = bytes.indexOf(TAB, start)
    const second = first === -1 ? -1 : bytes.indexOf(TAB, first + 1)
    if (second === -1 || second > end) {
      throw new ReconError('malformed-line', `the ${this.#name} sent a line without the two fields of its key`)
    }
    this.#end = end
    this.#keyEnd = second
  }
}

/** Keys are short: a loop is cheaper than a call out of JavaScript. */
function sameBytes(a: Buffer, aStart: number, aEnd: number, b: Buffer, bStart: number, bEnd: number): boolean {
  if (aEnd - aStart !== bEnd - bStart) return false
  for (let at = aStart, other = bStart; at < aEnd; at++, other++) if (a[at] !== b[other]) return false
  return true
}
