import pg from 'pg'
import type { LegContext } from '../../epoch/leg.ts'
import { postgresError } from './errors.ts'
import type { PostgresStore } from './postgres-store.ts'

/** A connection of its own, for one purpose, that has an owner. */
export interface PostgresSession {
  readonly client: pg.Client
  /** Runs one statement and translates its errors. Rejects with the signal's reason once that has aborted. */
  query<Row extends pg.QueryResultRow>(sql: string, values?: readonly unknown[]): Promise<Row[]>
  /** Runs one statement as `query` does and gives the columns of its answer, each type as its oid. */
  columns(sql: string): Promise<readonly { readonly name: string; readonly typeId: number }[]>
  /** Translates an error that came by another way than `query`. */
  translate(error: unknown): unknown
  /** Ends the session; if a statement still runs, has the server end it. Safe to call twice; never rejects. */
  close(): Promise<void>
}

const CANCEL_TIMEOUT_MS = 2_000

/**
 * Opens a session. When the signal aborts, the backend is terminated by the server, so that no statement and no transaction outlives the
 * caller even where a dropped socket would go unnoticed until the next row. Rejects with `StoreError`, retryable where the server is known to
 * have answered: in this session, or before it as `answeredBefore` says.
 */
export async function openSession(store: PostgresStore, { signal }: LegContext, answeredBefore = false): Promise<PostgresSession> {
  signal.throwIfAborted()
  const client = new pg.Client({
    connectionString: store.url,
    connectionTimeoutMillis: store.connectTimeoutMs,
    application_name: 'recon-engine',
    keepAlive: true,
  })
  // An error between statements reaches the next statement too; without a listener it would end the process.
  client.on('error', () => undefined)
  let onAbort: () => void = () => undefined
  const abandoned = new Promise<never>((_, reject) => {
    onAbort = () => reject(signal.reason)
    signal.addEventListener('abort', onAbort, { once: true })
  })
  abandoned.catch(() => undefined)
  const orAbort = <T>(work: Promise<T>) => Promise.race([work, abandoned])

  let backend: Backend | undefined
  let closing: Promise<void> | undefined
  const run = async <Row extends pg.QueryResultRow>(sql: string, values?: readonly unknown[]): Promise<pg.QueryResult<Row>> => {
    try {
      return await orAbort(client.query<Row>(sql, values ? [...values] : undefined))
    } catch (error) {
      throw session.translate(error)
    }
  }
  const session: PostgresSession = {
    client,
    translate: error => (signal.aborted ? signal.reason : postgresError(store.name, error, answeredBefore || backend !== undefined)),
    query: async <Row extends pg.QueryResultRow>(sql: string, values?: readonly unknown[]) => (await run<Row>(sql, values)).rows,
    columns: async sql => (await run(sql)).fields.map(({ name, dataTypeID }) => ({ name, typeId: dataTypeID })),
    close: () => {
      closing ??= endSession(store, client, backend, signal.aborted).finally(() => signal.removeEventListener('abort', onAbort))
      return closing
    },
  }
  try {
    await orAbort(client.connect())
    const [row] = await session.query<{ pid: number; started: string }>(
      `select pg_backend_pid() as pid, backend_start::text as started,
        -- a backend that is sorting notices a vanished client only if told to look (PostgreSQL 14 and later)
        (select set_config(name, '1s', false) from pg_settings where name = 'client_connection_check_interval') as check_interval
      from pg_stat_get_activity(pg_backend_pid())`,
    )
    backend = row
    return session
  } catch (error) {
    await session.close()
    throw session.translate(error)
  }
}

interface Backend {
  readonly pid: number
  readonly started: string
}

async function endSession(store: PostgresStore, client: pg.Client, backend: Backend | undefined, kill: boolean): Promise<void> {
  if (kill && backend) await terminateBackend(store, backend)
  // end() waits for a server that may never answer; past the bound the socket is simply dropped.
  await within(
    CANCEL_TIMEOUT_MS,
    client.end().catch(() => undefined),
  )
}

/** Has the server end one backend of ours. A failure means that the server or the backend is gone already, which is what was wanted. */
async function terminateBackend(store: PostgresStore, { pid, started }: Backend): Promise<void> {
  const killer = new pg.Client({
    connectionString: store.url,
    connectionTimeoutMillis: CANCEL_TIMEOUT_MS,
    application_name: 'recon-engine cancel',
  })
  killer.on('error', () => undefined)
  const work = killer
    .connect()
    .then(() =>
      killer.query('select pg_terminate_backend(pid, 1000) from pg_stat_get_activity($1) where backend_start::text = $2', [pid, started]),
    )
    .catch(() => undefined)
    .then(() => killer.end())
    .catch(() => undefined)
  await within(2 * CANCEL_TIMEOUT_MS, work)
}

async function within(ms: number, work: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  await Promise.race([work, new Promise(resolve => (timer = setTimeout(resolve, ms)))])
  clearTimeout(timer)
}
