import { startSandbox } from '../../sim/sandbox/sandbox.ts'
import type { StoreServers } from '../../sim/sandbox/stores.ts'

/** What a test may do to a server. */
export interface TestServer {
  /** SIGKILL, as a power cut would; resolves when the server is gone. */
  kill(): Promise<void>
  /** Starts a killed server again on the same data and port, and resolves when it answers. */
  restart(): Promise<void>
  /** Freezes the server: connections stay open and nothing answers. */
  pause(): Promise<void>
  resume(): Promise<void>
}

/** One PostgreSQL and one ClickHouse server, whatever they are made of. */
export interface TestServers extends StoreServers {
  readonly postgres: TestServer
  readonly clickhouse: TestServer
  stop(): Promise<void>
}

/** What the integration tests run on: `RECON_TEST_BACKEND`, `embedded` unless it says `containers`. */
export function testBackend(): 'embedded' | 'containers' {
  const backend = process.env['RECON_TEST_BACKEND'] ?? 'embedded'
  if (backend !== 'embedded' && backend !== 'containers') {
    throw new Error(`RECON_TEST_BACKEND is ${JSON.stringify(backend)}: it may be \`embedded\` (the default) or \`containers\``)
  }
  return backend
}

/** Starts a pair of servers of the backend in force. */
export async function startServers(): Promise<TestServers> {
  if (testBackend() === 'containers') {
    const { startContainers } = await import('./containers.ts')
    return startContainers()
  }
  const { postgres, clickhouse, stop } = await startSandbox()
  return { postgresUrl: postgres.url('postgres'), clickhouseUrl: clickhouse.url('default'), postgres, clickhouse, stop }
}
