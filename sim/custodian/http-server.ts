import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { type AccessRules, refusal } from './access.ts'
import { transactionsAnswer, vaultAnswer } from './answers.ts'
import type { CustodianBook } from './book.ts'
import type { RateLimit } from './rate-limit.ts'

/** What the server does instead of answering properly. */
export type Sabotage = 'malformed-json' | 'number-instead-of-string' | 'outage'

/** What a server of the simulated custodian is made of. */
export interface HttpServerParts {
  readonly book: CustodianBook
  readonly vaults: readonly string[]
  readonly access: AccessRules
  readonly rateLimit: RateLimit
  /** How long the next answer takes, in ms. */
  readonly latencyMs: () => number
  readonly wallMs: () => number
  readonly sabotage: () => Sabotage | undefined
}

/** A listening server. */
export interface CustodianHttp {
  readonly url: string
  /** How many requests have come so far. */
  readonly requests: () => number
  /** How many connections are open now. */
  readonly connections: () => Promise<number>
  /** Breaks every connection and waits until the port is free. */
  readonly stop: () => Promise<void>
}

const LIMIT_MAX = 100

/** Listens on a free port of the loopback. */
export async function listen(parts: HttpServerParts): Promise<CustodianHttp> {
  const stopping = new AbortController()
  let requests = 0
  const server = createServer((incoming, outgoing) => {
    requests++
    incoming.resume()
    answer(parts, incoming, outgoing, stopping.signal).catch(error => outgoing.destroy(error instanceof Error ? error : undefined))
  })
  server.listen(0, '127.0.0.1')
  await new Promise<void>((resolve, reject) => server.once('listening', resolve).once('error', reject))
  return {
    url: `http://127.0.0.1:${portOf(server)}`,
    requests: () => requests,
    connections: () => new Promise((resolve, reject) => server.getConnections((error, count) => (error ? reject(error) : resolve(count)))),
    stop: async () => {
      stopping.abort()
      const closed = new Promise<void>(resolve => server.close(() => resolve()))
      server.closeAllConnections()
      await closed
    },
  }
}

/** One answer, before it is sent. */
interface Reply {
  readonly status: number
  readonly body: string
  readonly headers?: Readonly<Record<string, string>>
}

async function answer(parts: HttpServerParts, incoming: IncomingMessage, outgoing: ServerResponse, signal: AbortSignal): Promise<void> {
  const latencyMs = parts.latencyMs()
  if (latencyMs > 0) await delay(latencyMs, undefined, { signal }).catch(() => undefined)
  if (signal.aborted || parts.sabotage() === 'outage') {
    outgoing.destroy()
    return
  }
  // What it says is of one moment: the one at which it says it.
  const { status, body, headers } = reply(parts, incoming, parts.wallMs())
  outgoing.writeHead(status, { 'content-type': 'application/json', ...headers }).end(body)
}

function reply(parts: HttpServerParts, incoming: IncomingMessage, wallMs: number): Reply {
  const waitSeconds = parts.rateLimit.take(wallMs)
  if (waitSeconds !== undefined) {
    return { ...errorReply(429, 'RateLimited', 'too many requests'), headers: { 'retry-after': waitSeconds.toString() } }
  }
  const refused = refusal(parts.access, incoming, wallMs)
  if (refused !== undefined) return errorReply(401, 'Unauthorized', refused)
  if (incoming.method !== 'GET') return errorReply(405, 'MethodNotAllowed', 'only GET is simulated')
  const url = new URL(incoming.url ?? '/', 'http://custodian.invalid')
  const [, inPath] = /^\/v2\/vaults\/([^/]+)$/.exec(url.pathname) ?? []
  const vault = inPath === undefined ? (url.searchParams.get('vaultId') ?? '') : decodeURIComponent(inPath)
  if (inPath === undefined && url.pathname !== '/v2/transactions') return errorReply(404, 'NotFound', 'there is nothing at this path')
  if (!parts.vaults.includes(vault)) return errorReply(404, 'NotFound', `there is no vault ${vault}`)
  const body = inPath === undefined ? transactionsBody(parts, vault, url.searchParams, wallMs) : vaultAnswer(parts.book, vault, wallMs)
  if (typeof body === 'string') return errorReply(400, 'InvalidParameter', body)
  return { status: 200, body: sabotaged(JSON.stringify(body), parts.sabotage()) }
}

/** The object to send, or what is wrong with the question. */
function transactionsBody({ book }: HttpServerParts, vault: string, query: URLSearchParams, wallMs: number) {
  const limit = Number(query.get('limit') ?? LIMIT_MAX)
  if (!Number.isInteger(limit) || limit < 1 || limit > LIMIT_MAX) return `limit is from 1 to ${LIMIT_MAX}`
  const page = book.page(vault, limit, query.get('afterId') ?? undefined, wallMs)
  if (page === undefined) return 'afterId is not known'
  const next = (afterId: string) => `/v2/transactions?${new URLSearchParams({ vaultId: vault, limit: limit.toString(), afterId })}`
  return transactionsAnswer(page, next, wallMs)
}

function errorReply(status: number, errorType: string, message: string): Reply {
  return { status, body: JSON.stringify({ errorType, message }) }
}

/** Cuts the document short, or takes the quotes of its quantities away. */
function sabotaged(text: string, sabotage: Sabotage | undefined): string {
  if (sabotage === 'malformed-json') return text.slice(0, Math.ceil(text.length / 2))
  return sabotage === 'number-instead-of-string' ? text.replace(/"quantity":"([^"]*)"/g, '"quantity":$1') : text
}

function portOf(server: Server): number {
  const address: AddressInfo | string | null = server.address()
  if (address === null || typeof address === 'string') throw new Error('the custodian listens on no port')
  return address.port
}
