import { createServer, request, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'

/** What becomes of an answer that is cut: `politely`, it ends as a proxy ends one whose upstream died; `abruptly`, the connection breaks. */
export type Cut = { readonly afterBytes: number; readonly how: 'politely' | 'abruptly' } | undefined

/** An HTTP proxy before a ClickHouse that cuts answers short. */
export interface CuttingProxy {
  readonly url: string
  /** How many answers were cut so far. */
  cuts(): number
  close(): Promise<void>
}

/** Starts a proxy; `cutting` decides for each TabSeparated query, by its number from 0, whether and how its answer is cut. */
export async function startCuttingProxy(upstreamUrl: string, cutting: (query: number) => Cut): Promise<CuttingProxy> {
  const upstream = new URL(upstreamUrl)
  let queries = 0
  let cuts = 0
  const server = createServer((incoming, outgoing) => {
    const chunks: Buffer[] = []
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk))
    incoming.on('end', () => {
      const body = Buffer.concat(chunks)
      const cut = body.includes('format TabSeparated') ? cutting(queries++) : undefined
      const onward = request(
        { host: upstream.hostname, port: upstream.port, path: incoming.url, method: incoming.method, headers: incoming.headers },
        answer => {
          let sent = 0
          const { 'content-length': _, ...headers } = answer.headers
          outgoing.writeHead(answer.statusCode ?? 500, headers)
          answer.on('data', (chunk: Buffer) => {
            const rest = cut ? Math.max(0, cut.afterBytes - sent) : chunk.length
            sent += chunk.length
            outgoing.write(chunk.subarray(0, rest))
            if (!cut || rest >= chunk.length || outgoing.writableEnded || outgoing.destroyed) return
            cuts++
            onward.destroy()
            if (cut.how === 'politely') outgoing.end()
            else outgoing.destroy()
          })
          answer.on('end', () => outgoing.end())
        },
      )
      onward.on('error', () => outgoing.destroy())
      onward.end(body)
    })
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const url = new URL(upstreamUrl)
  url.port = String(portOf(server))
  return {
    url: url.href,
    cuts: () => cuts,
    close: async () => {
      server.closeAllConnections()
      await new Promise(resolve => server.close(resolve))
    },
  }
}

function portOf(server: Server): number {
  const address: AddressInfo | string | null = server.address()
  if (address === null || typeof address === 'string') throw new Error('the proxy listens on no port')
  return address.port
}
