import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

/** What one request is answered with: a status, a body (an object is sent as JSON) and headers; or a connection that breaks, before or within the body. */
export type Answer =
  | { readonly status?: number; readonly body?: string | object; readonly headers?: Readonly<Record<string, string>> }
  | { readonly breaks: 'at once' | 'in the body' | 'never answers' }

/** An HTTP server that says whatever it is told to, to stand for a custodian that misbehaves. */
export interface ScriptedServer extends AsyncDisposable {
  readonly url: string
  /** Every request that came, as `METHOD path`, in order. */
  readonly asked: readonly IncomingMessage[]
  readonly connections: () => Promise<number>
}

/** Starts a server; `answer` is given the path of each request and its number, from 1. */
export async function startScripted(answer: (path: string, request: number) => Answer): Promise<ScriptedServer> {
  const asked: IncomingMessage[] = []
  const server = createServer((incoming, outgoing) => {
    asked.push(incoming)
    incoming.resume()
    send(answer(incoming.url ?? '', asked.length), outgoing)
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const address: AddressInfo | string | null = server.address()
  if (address === null || typeof address === 'string') throw new Error('the server listens on no port')
  return {
    url: `http://127.0.0.1:${address.port}`,
    asked,
    connections: () => new Promise((resolve, reject) => server.getConnections((error, count) => (error ? reject(error) : resolve(count)))),
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections()
      await new Promise(resolve => server.close(resolve))
    },
  }
}

function send(answer: Answer, outgoing: ServerResponse): void {
  if (!('breaks' in answer)) {
    const body = typeof answer.body === 'object' ? JSON.stringify(answer.body) : (answer.body ?? '')
    outgoing.writeHead(answer.status ?? 200, answer.headers).end(body)
  } else if (answer.breaks === 'at once') outgoing.destroy()
  else if (answer.breaks === 'in the body') {
    outgoing.writeHead(200, { 'content-length': '1000' })
    outgoing.write('{"data":', () => outgoing.destroy())
  }
}
