import { LINE_FEED } from './line.ts'
import { ReconError } from './recon-error.ts'

const EMPTY = Buffer.alloc(0)

/**
 * Reads chunks that may be cut anywhere and holds the part not yet consumed: `bytes` from `start`. The last line of a leg must end in a line
 * feed like every other; a leg that ends within a line was cut off, and `fill` rejects with `ReconError` (`malformed-line`).
 */
export class LineReader {
  bytes: Buffer = EMPTY
  start = 0
  ended = false
  readonly #chunks: AsyncIterator<Uint8Array>

  constructor(chunks: AsyncIterable<Uint8Array>) {
    this.#chunks = chunks[Symbol.asyncIterator]()
  }

  /** How many bytes are at hand. */
  get available(): number {
    return this.bytes.length - this.start
  }

  /** Where the line at `start` ends (the index of its line feed), or -1 if it is not at hand whole. */
  get lineEnd(): number {
    return this.bytes.indexOf(LINE_FEED, this.start)
  }

  /** Fetches one more chunk behind what is at hand; false at the end. */
  async fill(): Promise<boolean> {
    if (this.ended) return false
    const next = await this.#chunks.next()
    if (next.done) {
      this.ended = true
      if (this.available > 0) {
        throw new ReconError('malformed-line', `the last of the lines does not end: ${this.available} bytes without a line feed`)
      }
      return false
    }
    const chunk = Buffer.from(next.value.buffer, next.value.byteOffset, next.value.byteLength)
    this.bytes = this.available === 0 ? chunk : Buffer.concat([this.bytes.subarray(this.start), chunk])
    this.start = 0
    return true
  }

  /** Makes sure that the line at `start` is at hand whole; false when there are no more lines. */
  async ensureLine(): Promise<boolean> {
    while (this.lineEnd === -1) if (!(await this.fill())) return false
    return true
  }

  /** Ends the source, so that it can free what it holds. */
  async close(): Promise<void> {
    this.ended = true
    await this.#chunks.return?.()
  }
}
