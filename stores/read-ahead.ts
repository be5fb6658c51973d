import type { Clock } from '../epoch/clock.ts'
import { Spool } from './spool.ts'

/** How a source is read ahead of a reader that has stopped. */
export interface ReadAheadOptions {
  /** Past this time without a read, in milliseconds, the rest of the source is drained without waiting for the reader any more. */
  readonly patienceMs: number
  /** How much of it may stay in memory; the rest goes to a temporary file. */
  readonly memoryBytesMax: number
  readonly clock: Clock
  /** Breaks the source off: called when the reader leaves before the end, since a source that is waiting for more hears of nothing else. */
  readonly abandon: () => void
}

/**
 * Passes chunks on as they are asked for, so that a slow reader slows the source. One that has stopped does not, as where the other leg of a comparison is still
 * being computed: servers break off an answer that nobody takes (ClickHouse after 30 s, by `http_send_timeout`, which no query can change).
 */
export async function* readAhead(source: AsyncIterable<Uint8Array>, options: ReadAheadOptions): AsyncGenerator<Uint8Array> {
  const { clock, patienceMs } = options
  const iterator = source[Symbol.asyncIterator]()
  let drain: Drain | undefined
  let ended = false
  try {
    while (!drain) {
      const next = await iterator.next()
      if (next.done) {
        ended = true
        return
      }
      const returned = new AbortController()
      const stopped = clock.sleep(patienceMs, returned.signal).then(
        () => {
          drain = new Drain(iterator, options.memoryBytesMax)
        },
        // Asked for more in time, or closed.
        () => undefined,
      )
      try {
        yield next.value
      } finally {
        returned.abort()
        await stopped
      }
    }
    yield* drain.chunks()
    ended = true
  } finally {
    if (!ended) options.abandon()
    await iterator.return?.()
    await drain?.end()
  }
}

/** A source that is drained from now on, and what of it has come. */
class Drain {
  readonly #spool: Spool
  readonly #drained: Promise<void>
  #finished = false
  #failure: { readonly error: unknown } | undefined
  #wake: () => void = () => undefined

  constructor(iterator: AsyncIterator<Uint8Array>, memoryBytesMax: number) {
    this.#spool = new Spool(memoryBytesMax)
    this.#drained = this.#drain(iterator)
  }

  /** Everything, in the order in which it came; what broke the source off is thrown behind it. */
  async *chunks(): AsyncGenerator<Uint8Array> {
    let at = 0
    for (;;) {
      for await (const chunk of this.#spool.lines(at)) {
        at += chunk.length
        yield chunk
      }
      if (at < this.#spool.bytes) continue
      if (this.#finished) break
      await new Promise<void>(resolve => {
        this.#wake = resolve
      })
    }
    if (this.#failure) throw this.#failure.error
  }

  /** Frees what it holds; once the source has ended. */
  async end(): Promise<void> {
    await this.#drained
    await this.#spool.dispose()
  }

  async #drain(iterator: AsyncIterator<Uint8Array>): Promise<void> {
    try {
      for (let next = await iterator.next(); !next.done; next = await iterator.next()) {
        await this.#spool.write(next.value)
        this.#wake()
      }
    } catch (error) {
      this.#failure = { error }
    } finally {
      this.#finished = true
      this.#wake()
    }
  }
}
