import pg from 'pg'
import { postgresError } from '../postgres/errors.ts'

/** A few connections to recon's own database. */
export interface StatePool {
  /** Runs `work` on one connection; errors come as `StoreError`, an abort as the signal's reason, and the connection is then dropped. */
  use<T>(signal: AbortSignal, work: (client: pg.PoolClient) => Promise<T>): Promise<T>
  /** Ends every connection, waiting for work in progress. Safe to call twice. */
  close(): Promise<void>
}

/** Bounds on reaching recon's own database and on each of its statements, in milliseconds. */
export interface StateTimeouts {
  readonly connectTimeoutMs: number
  readonly statementTimeoutMs: number
}

/** How messages and evidence call recon's own database. */
export const STATE_STORE = 'state'

// Whoever makes a checkpoint holds one of them meanwhile, and reads by another.
const CONNECTIONS_MAX = 8

/** Opens no connection yet; the first use does. */
export function openPool(url: string, { connectTimeoutMs, statementTimeoutMs }: StateTimeouts): StatePool {
  const pool = new pg.Pool({
    connectionString: url,
    max: CONNECTIONS_MAX,
    connectionTimeoutMillis: connectTimeoutMs,
    statement_timeout: statementTimeoutMs,
    // The server enforces the bound above; this one is for a server that has stopped answering altogether.
    query_timeout: statementTimeoutMs + connectTimeoutMs,
    application_name: 'recon-engine state',
    allowExitOnIdle: true,
  })
  // The loss of an idle connection is found again by the next use; without a listener it would end the process.
  pool.on('error', () => undefined)
  let closing: Promise<void> | undefined
  return {
    use: async (signal, work) => {
      let connected = false
      try {
        const client = await connect(pool, signal)
        connected = true
        return await withClient(client, signal, work)
      } catch (error) {
        if (signal.aborted) throw signal.reason
        throw postgresError(STATE_STORE, error, connected)
      }
    },
    close: () => {
      closing ??= pool.end()
      return closing
    },
  }
}

async function connect(pool: pg.Pool, signal: AbortSignal): Promise<pg.PoolClient> {
  signal.throwIfAborted()
  const connecting = pool.connect()
  try {
    return await orAbort(connecting, signal)
  } catch (error) {
    // When the abort came first, the connection may still arrive, and must go back.
    connecting.then(
      client => client.release(),
      () => undefined,
    )
    throw error
  }
}

async function withClient<T>(client: pg.PoolClient, signal: AbortSignal, work: (client: pg.PoolClient) => Promise<T>): Promise<T> {
  let broken = true
  // An error between two statements reaches the next one too.
  const ignore = () => undefined
  client.on('error', ignore)
  try {
    const result = await orAbort(work(client), signal)
    broken = false
    return result
  } catch (error) {
    // A statement that the server refused leaves a sound connection; anything else leaves one of unknown state.
    broken = signal.aborted || !(error instanceof pg.DatabaseError)
    throw error
  } finally {
    client.off('error', ignore)
    client.release(broken)
  }
}

async function orAbort<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  let onAbort: (() => void) | undefined
  const aborted = new Promise<never>((_, reject) => {
    onAbort = () => reject(signal.reason)
    signal.addEventListener('abort', onAbort, { once: true })
  })
  // Whichever loses the race may reject later, with nobody left to hear it.
  work.catch(() => undefined)
  try {
    signal.throwIfAborted()
    return await Promise.race([work, aborted])
  } finally {
    if (onAbort) signal.removeEventListener('abort', onAbort)
  }
}
