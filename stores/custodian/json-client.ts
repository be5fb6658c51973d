import { Agent as HttpAgent } from 'node:http'
import { Agent as HttpsAgent } from 'node:https'
import type { LegContext } from '../../epoch/leg.ts'
import { StoreError } from '../../epoch/store-error.ts'
import { requestError } from './errors.ts'
import { type HttpAnswer, httpGet } from './http-get.ts'
import { retryAfterMs } from './retry-after.ts'

/** How a custodian is asked. */
export interface JsonClientOptions {
  readonly store: string
  readonly origin: URL
  /** The headers of one attempt, made anew for each; `path` is the path with its query. */
  readonly headers: (path: string, wallMs: number) => Readonly<Record<string, string>>
  /** Bound on one attempt. */
  readonly requestTimeoutMs: number
  /** From 0 to 1: the jitter of retries. */
  readonly random: () => number
  /** Takes secrets out of words that the other side wrote. */
  readonly redact: (text: string) => string
}

/** Asks one custodian; its connections are kept and shared until `close`. */
export interface JsonClient {
  /**
   * The text of the answer with status 200. What may pass (network, 5xx, 429) is tried again, with growing pauses, until `deadlineMs` on the context's monotonic
   * clock. Rejects with `StoreError`, and with the signal's reason as soon as it aborts.
   */
  get(url: URL, deadlineMs: number, context: LegContext): Promise<string>
  close(): void
}

const ANSWER_BYTES_MAX = 16 * 1024 * 1024
const FOREIGN_WORDS_MAX = 200
const PAUSE_MS_MIN = 50
const PAUSE_MS_MAX = 2_000

/** Makes a client; nothing is sent until the first request. */
export function jsonClient(options: JsonClientOptions): JsonClient {
  const { store } = options
  const pool = options.origin.protocol === 'https:' ? new HttpsAgent({ keepAlive: true }) : new HttpAgent({ keepAlive: true })

  const attempt = async (url: URL, path: string, leftMs: number, context: LegContext): Promise<Attempt> => {
    // Timers take whole milliseconds.
    const patienceMs = Math.max(1, Math.ceil(Math.min(options.requestTimeoutMs, leftMs)))
    const patience = AbortSignal.timeout(patienceMs)
    try {
      const answer = await httpGet({
        url,
        headers: options.headers(path, context.clock.wallMs()),
        pool,
        bytesMax: ANSWER_BYTES_MAX,
        signal: AbortSignal.any([context.signal, patience]),
      })
      return judgeAnswer(options, path, answer, context.clock.wallMs())
    } catch (error) {
      context.signal.throwIfAborted()
      if (error instanceof StoreError) throw error
      if (patience.aborted) return { again: `GET ${path}: no answer within ${patienceMs} ms`, cause: error }
      const failure = requestError(store, path, error)
      if (failure === undefined) throw error
      if (!failure.retryable) throw failure
      return { again: failure.message.slice(store.length + 2), cause: error }
    }
  }

  return {
    async get(url, deadlineMs, context) {
      const path = url.pathname + url.search
      const { clock, signal } = context
      const beganMs = clock.monotonicMs()
      for (let attempts = 1; ; attempts++) {
        signal.throwIfAborted()
        const result = await attempt(url, path, deadlineMs - clock.monotonicMs(), context)
        if ('text' in result) return result.text
        const leftMs = deadlineMs - clock.monotonicMs()
        const pauseMs = result.afterMs ?? 0
        const jitterMs = (0.5 + options.random() / 2) * Math.min(PAUSE_MS_MAX, PAUSE_MS_MIN * 2 ** Math.min(attempts, 10))
        if (pauseMs >= leftMs || (result.afterMs === undefined && jitterMs >= leftMs)) {
          throw gaveUp(store, result, attempts, clock.monotonicMs() - beganMs, leftMs)
        }
        // What was asked for is waited in full; the jitter on top of it must not cost the last attempt.
        await clock.sleep(Math.min(pauseMs + jitterMs, Math.max(pauseMs, leftMs - 1)), signal)
      }
    },
    close: () => pool.destroy(),
  }
}

type Attempt = { readonly text: string } | Again

/** Why an attempt should be made again, and how long the other side asked to wait. */
interface Again {
  readonly again: string
  readonly afterMs?: number | undefined
  readonly cause?: unknown
}

function gaveUp(store: string, { again, afterMs, cause }: Again, attempts: number, tookMs: number, leftMs: number): StoreError {
  const waited =
    afterMs === undefined
      ? `given up after ${attempts} ${attempts === 1 ? 'attempt' : 'attempts'} in ${Math.round(tookMs)} ms`
      : `it asks to wait ${Math.ceil(afterMs / 1_000)} s, and the deadline is in ${Math.max(0, Math.round(leftMs))} ms, so it was not asked again`
  return new StoreError(store, 'store-unreachable', `${again}; ${waited}`, { cause })
}

function judgeAnswer({ store, redact }: JsonClientOptions, path: string, answer: HttpAnswer, wallMs: number): Attempt {
  const { status, text } = answer
  if (text === undefined) {
    throw new StoreError(
      store,
      'store-error',
      `GET ${path}: the answer is larger than ${ANSWER_BYTES_MAX} bytes, which no answer of a custodian is`,
    )
  }
  if (status === 200) return { text }
  const words = `GET ${path}: status ${status}${foreignWords(redact(text))}`
  if (status === 429) {
    return { again: `${words}; the custodian limits the rate of requests`, afterMs: retryAfterMs(answer.headers['retry-after'], wallMs) }
  }
  if (status >= 500 || status === 408) return { again: words, afterMs: retryAfterMs(answer.headers['retry-after'], wallMs) }
  if (status === 401 || status === 403) {
    const remedy = `check the API key and what it may read, the signing key if one is demanded, and this machine's clock`
    throw new StoreError(store, 'permission-denied', `${words}; ${remedy}`)
  }
  if (status === 404) throw new StoreError(store, 'store-error', `${words}; check the vault's id and the URL`)
  if (status >= 300 && status < 400) {
    throw new StoreError(
      store,
      'store-error',
      `${words}; a redirection is not followed, since the key would go with it: give the URL that it leads to`,
    )
  }
  throw new StoreError(store, 'store-error', words)
}

/** What an error answer says, on one line and not much of it. */
function foreignWords(text: string): string {
  const line = (errorOf(text) ?? text).trim().replace(/\s+/g, ' ')
  if (line === '') return ''
  return ` (${line.length > FOREIGN_WORDS_MAX ? `${line.slice(0, FOREIGN_WORDS_MAX)}...` : line})`
}

function errorOf(text: string): string | undefined {
  try {
    const body: unknown = JSON.parse(text)
    if (typeof body !== 'object' || body === null) return undefined
    const parts = ['errorType', 'message'].map(name => Object.entries(body).find(([key]) => key === name)?.[1])
    const said = parts.filter(part => typeof part === 'string')
    return said.length > 0 ? said.join(': ') : undefined
  } catch {
    // Not JSON: then its own words are shown.
    return undefined
  }
}
