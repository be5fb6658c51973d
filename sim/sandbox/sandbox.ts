import { type ClickHouseEngine, startClickHouse } from '../engines/clickhouse-engine.ts'
import { type PostgresEngine, startPostgres } from '../engines/postgres-engine.ts'
import { openSandboxFolder } from './sandbox-folder.ts'
import { createStores, prepareSandbox, type Stores, type StoreUrls, sandboxUsers } from './stores.ts'

/** Both engines side by side, with the reference schema, empty. */
export interface Sandbox extends StoreUrls {
  readonly postgres: PostgresEngine
  readonly clickhouse: ClickHouseEngine
  /** Creates databases of their own on the same engines, quickly; see createStores. */
  createStores(name: string): Promise<Stores>
  /** Resolves when one of the servers ends without having been told to, with words for which and how. */
  ended(): Promise<string>
  /** Ends both servers in order; temporary data goes. Safe to call twice. */
  stop(): Promise<void>
}

/** How to start a sandbox; everything may be left out. */
export interface SandboxOptions {
  /** Where the data lives and stays; absent: a temporary folder that goes with the sandbox. */
  readonly dir?: string
  readonly postgresPort?: number
  readonly clickhousePort?: number
  /** Aborts the start; a sandbox that is up is ended with `stop`. */
  readonly signal?: AbortSignal
  /** Receives each line that the servers log. */
  readonly log?: (line: string) => void
}

/**
 * Starts PostgreSQL and ClickHouse and creates the reference schema in them. Neither outlives this process, however it ends. Throws a ReconError
 * with the codes of startPostgres and startClickHouse, or `not-a-sandbox-folder`.
 */
export async function startSandbox(options: SandboxOptions = {}): Promise<Sandbox> {
  const folder = options.dir === undefined ? undefined : await openSandboxFolder(options.dir)
  const common = {
    ...(options.signal === undefined ? {} : { signal: options.signal }),
    ...(options.log === undefined ? {} : { log: options.log }),
  }
  const [postgres, clickhouse] = await Promise.allSettled([
    startPostgres({
      ...common,
      ...(folder === undefined ? {} : { folder: folder.postgres }),
      ...(options.postgresPort === undefined ? {} : { port: options.postgresPort }),
    }),
    startClickHouse({
      ...common,
      users: Object.values(sandboxUsers),
      ...(folder === undefined ? {} : { folder: folder.clickhouse }),
      ...(options.clickhousePort === undefined ? {} : { port: options.clickhousePort }),
    }),
  ])
  if (postgres.status === 'rejected' || clickhouse.status === 'rejected') {
    const reasons = [postgres, clickhouse].flatMap(engine => (engine.status === 'rejected' ? [engine.reason] : []))
    await Promise.all([postgres, clickhouse].map(engine => (engine.status === 'fulfilled' ? engine.value.stop() : undefined)))
    throw reasons[0]
  }
  return prepared(postgres.value, clickhouse.value, options.signal)
}

async function prepared(postgres: PostgresEngine, clickhouse: ClickHouseEngine, signal: AbortSignal | undefined): Promise<Sandbox> {
  const stop = async () => {
    await Promise.all([postgres.stop(), clickhouse.stop()])
  }
  try {
    signal?.throwIfAborted()
    const servers = { postgresUrl: postgres.url('postgres'), clickhouseUrl: clickhouse.url('default') }
    const urls = await prepareSandbox(servers)
    return {
      ...urls,
      postgres,
      clickhouse,
      createStores: name => createStores(servers, name),
      ended: () => Promise.race([postgres.ended(), clickhouse.ended()]),
      stop,
    }
  } catch (error) {
    await stop()
    throw error
  }
}
