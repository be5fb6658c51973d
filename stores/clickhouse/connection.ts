import { randomUUID } from 'node:crypto'
import { type ClickHouseClient, ClickHouseLogLevel, createClient } from '@clickhouse/client'
import type { LegContext } from '../../epoch/leg.ts'
import { StoreError } from '../../epoch/store-error.ts'
import { readAhead } from '../read-ahead.ts'
import { clickHouseError } from './errors.ts'
import { type JsonRow, rowsOfJsonAnswer } from './json-answer.ts'
import { EXACT_READ_SETTINGS } from './settings.ts'

/** Where a ClickHouse store is and how long to wait for it. */
export interface ClickHouseStore {
  /** How messages and evidence call it, as `clickhouse`. */
  readonly name: string
  /** `http://user:password@host:8123/database` */
  readonly url: string
  /** Bound on the first answer, which tells that a server is there. */
  readonly connectTimeoutMs: number
  /** Bound on any one statement, enforced by the server. */
  readonly statementTimeoutMs: number
}

/** Values bound to `{name:Type}` in a statement; sequences as text, since a number would lose digits. */
export type QueryParameters = Readonly<Record<string, string | readonly string[]>>

/** A connection to one ClickHouse, to be shared by the queries of a process. */
export interface ClickHouseConnection {
  readonly store: ClickHouseStore
  /** The database that the URL names; `default` where it names none. */
  readonly database: string
  /** Runs a statement and returns its rows as JSON objects, 64-bit integers and decimals as text. Rejects with `StoreError`. */
  rows(sql: string, parameters: QueryParameters, context: LegContext): Promise<readonly JsonRow[]>
  /** Runs a statement and yields its TabSeparated answer as it comes, raw. A broken answer throws `StoreError`. */
  stream(sql: string, parameters: QueryParameters, context: LegContext): AsyncGenerator<Uint8Array>
  /** Runs a statement that gives no rows: only for a database of recon's own. Rejects with `StoreError`. */
  execute(sql: string, parameters: QueryParameters, context: LegContext): Promise<void>
  /** Ends the pooled connections. */
  close(): Promise<void>
}

const CANCEL_TIMEOUT_MS = 2_000
// Well below the 30 s after which the server breaks off an answer that nobody takes.
const STALLED_MS = 5_000
const STALLED_BYTES_MAX = 16 << 20

/** Opens a connection; nothing is sent until the first query. */
export function connectClickHouse(store: ClickHouseStore): ClickHouseConnection {
  const url = new URL(store.url)
  const database = decodeURIComponent(url.pathname.slice(1)) || 'default'
  // The client would take the name of the database as it is encoded in the URL.
  url.pathname = '/'
  const client = createClient({
    url,
    database,
    application: 'recon-engine',
    request_timeout: store.statementTimeoutMs + CANCEL_TIMEOUT_MS,
    max_open_connections: 32,
    // What goes wrong is told by the run, in its own words.
    log: { level: ClickHouseLogLevel.OFF },
    clickhouse_settings: { max_execution_time: Math.ceil(store.statementTimeoutMs / 1_000) },
  })
  let known: Readonly<Record<string, string>> | undefined
  let answered = false

  /** The exact-read settings that this server's version knows; asked for until they are known, by each caller under its own signal. */
  const settings = async (context: LegContext) => {
    known ??= await askForSettings(client, store, context)
    answered = true
    return known
  }

  /** Runs one query under an id of its own, translates its errors, and has the server kill it if the caller gave up. */
  const run = async <T>(
    context: LegContext,
    work: (queryId: string, settings: Readonly<Record<string, string>>) => Promise<T>,
  ): Promise<T> => {
    const queryId = randomUUID()
    try {
      context.signal.throwIfAborted()
      const result = await work(queryId, await settings(context))
      answered = true
      return result
    } catch (error) {
      if (context.signal.aborted) {
        await killQuery(client, queryId)
        throw context.signal.reason
      }
      throw clickHouseError(store.name, error, answered)
    }
  }

  return {
    store,
    database,
    rows: (sql, parameters, context) =>
      run(context, async (query_id, clickhouse_settings) => {
        const result = await client.query({
          query: sql,
          query_params: { ...parameters },
          format: 'JSON',
          query_id,
          clickhouse_settings,
          abort_signal: context.signal,
        })
        return rowsOfJsonAnswer(store.name, await result.text(), answered)
      }),
    execute: (sql, parameters, context) =>
      run(context, async (query_id, clickhouse_settings) => {
        await client.command({ query: sql, query_params: { ...parameters }, query_id, clickhouse_settings, abort_signal: context.signal })
      }),
    async *stream(sql, parameters, context) {
      let queryId = ''
      let finished = false
      try {
        const stream = await run(context, async (query_id, clickhouse_settings) => {
          queryId = query_id
          const result = await client.exec({
            query: `${sql}\nformat TabSeparated`,
            query_params: { ...parameters },
            query_id,
            clickhouse_settings,
            abort_signal: context.signal,
          })
          return result.stream
        })
        yield* readAhead(stream, {
          patienceMs: STALLED_MS,
          memoryBytesMax: STALLED_BYTES_MAX,
          clock: context.clock,
          abandon: () => stream.destroy(),
        })
        finished = true
      } catch (error) {
        finished = error instanceof Error && !context.signal.aborted
        throw context.signal.aborted ? context.signal.reason : clickHouseError(store.name, error, answered)
      } finally {
        // Given up before the end, by the signal or by the reader: the server may still be at work.
        if (!finished && queryId !== '') await killQuery(client, queryId)
      }
    },
    close: () => client.close(),
  }
}

async function askForSettings(
  client: ClickHouseClient,
  store: ClickHouseStore,
  context: LegContext,
): Promise<Readonly<Record<string, string>>> {
  const patience = AbortSignal.timeout(store.connectTimeoutMs)
  try {
    const result = await client.query({
      query: 'select name from system.settings where name in {names:Array(String)}',
      query_params: { names: Object.keys(EXACT_READ_SETTINGS) },
      format: 'JSON',
      abort_signal: AbortSignal.any([context.signal, patience]),
    })
    const names = new Set(rowsOfJsonAnswer(store.name, await result.text(), false).map(row => row['name']))
    return Object.fromEntries(Object.entries(EXACT_READ_SETTINGS).filter(([name]) => names.has(name)))
  } catch (error) {
    if (!patience.aborted || context.signal.aborted) throw error
    throw new StoreError(
      store.name,
      'store-unreachable',
      `no answer within ${store.connectTimeoutMs} ms; check that the server runs and that the URL is right`,
      { cause: error },
    )
  }
}

/** Has the server end a query of ours. Where it may not or is gone, the query ends by its own time-out, which every query has. */
async function killQuery(client: ClickHouseClient, queryId: string): Promise<void> {
  await client
    .command({
      query: 'kill query where query_id = {queryId:String} sync',
      query_params: { queryId },
      abort_signal: AbortSignal.timeout(CANCEL_TIMEOUT_MS),
    })
    .catch(() => undefined)
}
