import { createServer, request } from 'node:http'

/** An HTTP proxy before a ClickHouse that rewrites the rows of answers. */
export interface RewritingProxy {
  readonly url: string
  /** How many lines were rewritten so far. */
  rewritten(): number
  close(): Promise<void>
}

/** Starts a proxy; `rewrite` gives the lines that stand for one line of a TabSeparated answer: the line itself, others, or none. */
export async function startRewritingProxy(upstreamUrl: string, rewrite: (line: string) => readonly string[]): Promise<RewritingProxy> {
  const upstream = new URL(upstreamUrl)
  let rewritten = 0
  const rewriteAll = (answer: Buffer): Buffer => {
    const lines = answer.toString('latin1').split('\n')
    const others = lines.flatMap(line => {
      const instead = rewrite(line)
      if (instead.length !== 1 || instead[0] !== line) rewritten++
      return instead
    })
    return Buffer.from(others.join('\n'), 'latin1')
  }
  const server = createServer(async (incoming, outgoing) => {
    const body = await allOf(incoming)
    const onward = request(
      { host: upstream.hostname, port: upstream.port, path: incoming.url, method: incoming.method, headers: incoming.headers },
      async answer => {
        const { 'content-length': _length, 'transfer-encoding': _encoding, ...headers } = answer.headers
        const whole = await allOf(answer)
        outgoing.writeHead(answer.statusCode ?? 500, headers)
        outgoing.end(body.includes('format TabSeparated') ? rewriteAll(whole) : whole)
      },
    )
    onward.on('error', () => outgoing.destroy())
    onward.end(body)
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('the proxy listens on no port')
  return {
    url: Object.assign(new URL(upstreamUrl), { port: String(address.port) }).href,
    rewritten: () => rewritten,
    close: async () => {
      server.closeAllConnections()
      await new Promise(resolve => server.close(resolve))
    },
  }
}

async function allOf(stream: AsyncIterable<Buffer>): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of stream) chunks.push(chunk)
  return Buffer.concat(chunks)
}
