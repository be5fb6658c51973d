import { type Agent as HttpAgent, type IncomingHttpHeaders, type IncomingMessage, request as requestHttp } from 'node:http'
import { type Agent as HttpsAgent, request as requestHttps } from 'node:https'

/** The pool that an adapter's requests go through; whoever made it destroys it. */
export type ConnectionPool = HttpAgent | HttpsAgent

/** An answer that came to its end; `text` is undefined where it is larger than the caller bears. */
export interface HttpAnswer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly text: string | undefined
}

/** One GET request, and how much of an answer is borne. */
export interface HttpGet {
  readonly url: URL
  readonly headers: Readonly<Record<string, string>>
  readonly pool: ConnectionPool
  readonly bytesMax: number
  readonly signal: AbortSignal
}

/**
 * Makes one GET request and reads its answer whole. It follows no redirection, so that a key never goes where it was not meant to. Rejects with the socket's own
 * error, also where the answer breaks off, and with an AbortError as soon as the signal aborts; the connection is gone by then.
 */
export async function httpGet(get: HttpGet): Promise<HttpAnswer> {
  const response = await send(get)
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of response) {
    if (!Buffer.isBuffer(chunk)) throw new TypeError('a response without an encoding gives buffers')
    bytes += chunk.length
    if (bytes > get.bytesMax) {
      response.destroy()
      return { status: response.statusCode ?? 0, headers: response.headers, text: undefined }
    }
    chunks.push(chunk)
  }
  return { status: response.statusCode ?? 0, headers: response.headers, text: Buffer.concat(chunks).toString('utf8') }
}

function send({ url, headers, pool, signal }: HttpGet): Promise<IncomingMessage> {
  const request = url.protocol === 'https:' ? requestHttps : requestHttp
  return new Promise((resolve, reject) => {
    const outgoing = request(url, { method: 'GET', headers: { ...headers, accept: 'application/json' }, agent: pool, signal }, resolve)
    outgoing.on('error', reject)
    outgoing.end()
  })
}
