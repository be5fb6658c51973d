import { crc32 } from 'node:zlib'
import { LINE_FEED } from '../../epoch/line.ts'

/** Counts canonical lines as they pass, and sums them up, so that a reading can be told from what was written. It guards against loss, not against malice. */
export class LineDigest {
  keys = 0n
  #bytes = 0
  #crc = 0

  add(chunk: Uint8Array): void {
    this.#bytes += chunk.length
    this.#crc = crc32(chunk, this.#crc)
    let lines = 0
    for (let at = chunk.indexOf(LINE_FEED); at !== -1; at = chunk.indexOf(LINE_FEED, at + 1)) lines++
    this.keys += BigInt(lines)
  }

  /** The same for the same lines, however they were cut. */
  get text(): string {
    return `${this.#bytes}:${this.#crc}`
  }

  /** Passes lines on and adds them. */
  async *of(lines: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    for await (const chunk of lines) {
      this.add(chunk)
      yield chunk
    }
  }
}
