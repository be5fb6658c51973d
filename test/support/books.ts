import { randomUUID } from 'node:crypto'
import { createClient } from '@clickhouse/client'
import pg from 'pg'
import { BUILTIN_CHECKS, type BuiltinCheckName } from '../../checks/builtin.ts'
import type { CheckSources } from '../../checks/check-sources.ts'
import type { CustodySource } from '../../checks/omnibus/custody-source.ts'
import { omnibusBalancesSquare } from '../../checks/omnibus-balances-square.ts'
import { REFERENCE_STREAMS, REFERENCE_TABLES } from '../../checks/reference-model.ts'
import type { Relation } from '../../checks/relation.ts'
import { type RunOptions, runCheck } from '../../checks/run-check.ts'
import { runRelation } from '../../checks/run-relation.ts'
import { transactionsBalance } from '../../checks/transactions-balance.ts'
import type { Stores } from '../../sim/sandbox/stores.ts'
import { type ClickHouseConnection, connectClickHouse } from '../../stores/clickhouse/connection.ts'
import { systemClock } from '../../stores/system-clock.ts'

/** A row of ax.transactions, with what a test does not care about left out. */
export interface TransactionRow {
  readonly stream?: string
  readonly sequence: string
  readonly transaction_id: string
  readonly account_id: string
  readonly asset?: string
  readonly symbol?: string
  readonly kind?: string
  readonly amount: string
  readonly occurred_at?: string
}

/** A row of ax.positions, with what a test does not care about left out. */
export interface PositionRow {
  readonly stream?: string
  readonly sequence: string
  readonly execution_id: string
  readonly account_id: string
  readonly symbol?: string
  readonly asset?: string
  readonly quantity?: string
  readonly cost_basis?: string
  readonly realized_pnl?: string
  readonly occurred_at?: string
}

/** Balances, positions and transactions that a test writes by hand into a pair of stores of its own, and checks. */
export interface Books {
  readonly stores: Stores
  readonly pg: pg.Client
  readonly clickhouse: ClickHouseConnection
  token(sequence: string): Promise<void>
  balance(account: string, asset: string, balance: string, dropcopy?: string, cash?: string): Promise<void>
  transactions(rows: readonly TransactionRow[]): Promise<void>
  /** Writes a row of PostgreSQL's positions; the values are quantity, cost basis and realized PnL. */
  position(account: string, symbol: string, values: readonly [string, string, string], sequence?: string): Promise<void>
  /** Writes rows of ClickHouse's positions with one insert. */
  positions(rows: readonly PositionRow[]): Promise<void>
  watermark(stream: string, sequence: string, rowsTotal: string, table?: string): Promise<void>
  command(sql: string): Promise<void>
  sources(change?: Partial<CheckSources>): CheckSources
  /** Runs transactions-balance on the stores; `change` says where else to read. */
  check(options?: Partial<RunOptions>, change?: Partial<CheckSources>): ReturnType<typeof runRelation>
  /** Runs a check of the product by its name. */
  checkNamed(name: BuiltinCheckName, options?: Partial<RunOptions>, change?: Partial<CheckSources>): ReturnType<typeof runCheck>
  /** Runs omnibus-balances-square on the stores and a custodian. */
  checkCustody(custody: CustodySource, options?: Partial<RunOptions>, change?: Partial<CheckSources>): ReturnType<typeof runCheck>
  /** Runs a relation that the test holds. */
  run(relation: Relation, options?: Partial<RunOptions>): ReturnType<typeof runRelation>
  close(): Promise<void>
}

/** Opens books on fresh stores. */
export async function openBooks(stores: Stores): Promise<Books> {
  const client = new pg.Client({ connectionString: stores.postgresUrl })
  client.on('error', () => undefined)
  await client.connect()
  const writer = createClient({ url: stores.clickhouseUrl })
  const clickhouse = connectClickHouse({
    name: 'clickhouse',
    url: stores.clickhouseUrl,
    connectTimeoutMs: 5_000,
    statementTimeoutMs: 20_000,
  })
  const insert = async (table: string, values: readonly object[]) => {
    await writer.insert({ table, values, format: 'JSONEachRow' })
  }
  const sources = (change: Partial<CheckSources> = {}): CheckSources => ({
    postgres: { name: 'postgres', url: stores.postgresUrl, connectTimeoutMs: 5_000, statementTimeoutMs: 20_000 },
    clickhouse,
    streams: REFERENCE_STREAMS,
    tables: REFERENCE_TABLES,
    horizon: { strategy: 'watermark' },
    memoryBytesMax: 64 << 20,
    ...change,
  })
  const whole = (options: Partial<RunOptions>): RunOptions => ({
    runId: randomUUID(),
    clock: systemClock,
    signal: new AbortController().signal,
    timeoutMs: 20_000,
    captureTimeoutMs: 500,
    horizonTimeoutMs: 500,
    maxMismatches: 100,
    ...options,
  })
  const run = (relation: Relation, options: Partial<RunOptions> = {}) => runRelation(relation, whole(options))
  return {
    stores,
    pg: client,
    clickhouse,
    sources,
    token: async sequence => {
      await client.query(
        `insert into trade_engine.resume_tokens (service, stream, sequence, resume_token) values ('trade-engine', 'dropcopy', $1, '')
        on conflict (service, stream) do update set sequence = excluded.sequence`,
        [sequence],
      )
    },
    balance: async (account, asset, balance, dropcopy = '0', cash = '0') => {
      await client.query(
        `insert into accounts.balances values ($1, $2, $3, $4, $5)
        on conflict (account_id, asset) do update set balance = excluded.balance, dropcopy_sequence = excluded.dropcopy_sequence`,
        [account, asset, balance, dropcopy, cash],
      )
    },
    transactions: rows =>
      insert(
        'transactions',
        rows.map(row => ({ stream: 'dropcopy', asset: 'USD', symbol: '', kind: 'fee', occurred_at: '2026-11-24 00:00:00.000000', ...row })),
      ),
    position: async (account, symbol, values, sequence = '0') => {
      await client.query(
        `insert into trade_engine.positions values ($1, $2, $3, $4, $5, $6)
        on conflict (account_id, symbol) do update
          set quantity = excluded.quantity, cost_basis = excluded.cost_basis, realized_pnl = excluded.realized_pnl, sequence = excluded.sequence`,
        [account, symbol, ...values, sequence],
      )
    },
    positions: rows =>
      insert(
        'positions',
        rows.map(row => ({
          stream: 'dropcopy',
          symbol: 'S',
          asset: 'USD',
          quantity: '0',
          cost_basis: '0',
          realized_pnl: '0',
          occurred_at: '2026-11-24 00:00:00.000000',
          ...row,
        })),
      ),
    watermark: (stream, sequence, rows_total, table_name = 'transactions') =>
      insert('sink_watermarks', [{ table_name, stream, sequence, rows_total, written_at: '2026-11-24 00:00:00.000000' }]),
    command: async query => {
      await writer.command({ query })
    },
    check: (options = {}, change = {}) => run(transactionsBalance(sources(change)), options),
    checkNamed: (name, options = {}, change = {}) => runCheck(BUILTIN_CHECKS[name](sources(change)), whole(options)),
    checkCustody: (custody, options = {}, change = {}) => runCheck(omnibusBalancesSquare(sources(change), custody), whole(options)),
    run,
    close: async () => {
      await Promise.all([client.end(), writer.close(), clickhouse.close()])
      await stores.drop()
    },
  }
}
