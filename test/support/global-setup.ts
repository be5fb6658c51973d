import { once } from 'node:events'
import { createServer } from 'node:http'
import type { TestProject } from 'vitest/node'
import { startServers, type TestServers, testBackend } from './servers.ts'

declare module 'vitest' {
  interface ProvidedContext {
    /** Where a test file asks for the addresses of the shared servers. */
    readonly enginesBroker: string
  }
}

/**
 * Lends one pair of servers to the whole run. They are started when the first file asks for them, so a run of pure tests does not pay for them, and
 * ended when the run ends.
 */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  if (testBackend() === 'containers') {
    const unavailable = await (await import('./containers.ts')).containersUnavailable()
    if (unavailable !== undefined) {
      process.stderr.write(`RECON_TEST_BACKEND=containers, but ${unavailable}: the suites that need engines are skipped\n`)
    }
  }
  let servers: Promise<TestServers> | undefined
  const broker = createServer(async (_request, response) => {
    servers ??= startServers()
    try {
      const { postgresUrl, clickhouseUrl } = await servers
      response.end(JSON.stringify({ postgresUrl, clickhouseUrl }))
    } catch (error) {
      response.statusCode = 500
      response.end(error instanceof Error ? error.message : String(error))
    }
  })
  broker.listen(0, '127.0.0.1')
  await once(broker, 'listening')
  const address = broker.address()
  if (address === null || typeof address === 'string') throw new Error('a TCP listener has a port')
  project.provide('enginesBroker', `http://127.0.0.1:${address.port}/`)
  return async () => {
    broker.closeAllConnections()
    broker.close()
    const started = await servers?.catch(() => undefined)
    await started?.stop()
  }
}
