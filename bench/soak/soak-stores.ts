import { type ClickHouseClient, createClient } from '@clickhouse/client'
import pg from 'pg'
import type { StoreUrls } from '../../sim/sandbox/stores.ts'
import { onOneThread } from './one-thread.ts'

/** Connections of the soak's own, with which it measures: none of them belongs to a check. */
export interface SoakStores {
  readonly postgres: pg.Pool
  readonly clickhouse: ClickHouseClient
  readonly close: () => Promise<void>
}

/** What is counted once everything has come to rest. */
export interface RestingCounts {
  /** By check the keys that either store has, and accounts with a balance. */
  readonly keys: Readonly<Record<string, bigint>>
  readonly accounts: bigint
  readonly transactions: bigint
}

// One for each comparison that may be under way, and one for everything else.
const CONNECTIONS_MAX = 6

/** Connects to both stores. */
export function openSoakStores(urls: StoreUrls, broken: (error: Error) => void): SoakStores {
  const postgres = new pg.Pool({ connectionString: urls.postgresUrl, application_name: 'recon-soak', max: CONNECTIONS_MAX })
  postgres.on('error', broken)
  const clickhouse = createClient({ url: onOneThread(urls.clickhouseUrl), application: 'recon-soak' })
  return {
    postgres,
    clickhouse,
    close: async () => {
      await Promise.all([postgres.end(), clickhouse.close()])
    },
  }
}

/** How far the trade-engine has folded the dropcopy, as its resume token says. */
export async function readFolded({ postgres }: SoakStores): Promise<bigint> {
  const { rows } = await postgres.query<{ sequence: string }>(
    `select sequence::text from trade_engine.resume_tokens where service = 'trade-engine' and stream = 'dropcopy'`,
  )
  return BigInt(rows[0]?.sequence ?? '0')
}

/** How far the sink vouches for the transactions of the dropcopy. */
export async function readVouched({ clickhouse }: SoakStores): Promise<bigint> {
  const answer = await clickhouse.query({
    query: `select toString(max(sequence)) as sequence from sink_watermarks where table_name = 'transactions' and stream = 'dropcopy'`,
    format: 'JSONEachRow',
  })
  const [row] = await answer.json<{ sequence: string }>()
  return BigInt(row?.sequence ?? '0')
}

/** How many deposits and withdrawals were written after the transfer with this number. */
export async function countTransfers({ postgres }: SoakStores, after: bigint): Promise<{ deposits: number; withdrawals: number }> {
  const { rows } = await postgres.query<{ deposits: number; withdrawals: number }>(
    `select count(*) filter (where direction = 'deposit')::int as deposits, count(*) filter (where direction = 'withdrawal')::int as withdrawals
    from accounts.transfers where sequence > $1`,
    [after.toString()],
  )
  return rows[0] ?? { deposits: 0, withdrawals: 0 }
}

/** Counts what both stores hold, in statements of its own. */
export async function countAtRest(stores: SoakStores): Promise<RestingCounts> {
  const [balances, positions, accounts, transactions] = await Promise.all([
    keysOf(stores, ['accounts.balances', 'transactions'], ['account_id', 'asset']),
    keysOf(stores, ['trade_engine.positions', 'positions'], ['account_id', 'symbol']),
    stores.postgres.query<{ accounts: string }>('select count(distinct account_id)::text as accounts from accounts.balances'),
    stores.clickhouse
      .query({ query: 'select toString(uniqExact(transaction_id)) as transactions from transactions', format: 'JSONEachRow' })
      .then(answer => answer.json<{ transactions: string }>()),
  ])
  return {
    keys: {
      'transactions-balance': BigInt(balances.size),
      'positions-match': BigInt(positions.size),
      'position-realized-pnls-balance': BigInt(positions.size),
      'omnibus-balances-square': BigInt(secondsOf(balances).size),
      'pnl-is-zero-sum': BigInt(secondsOf(positions).size),
    },
    accounts: BigInt(accounts.rows[0]?.accounts ?? '0'),
    transactions: BigInt(transactions[0]?.transactions ?? '0'),
  }
}

const FIELD = '\u001f'

/** The keys that a table of PostgreSQL or the table of ClickHouse beside it holds. */
async function keysOf(
  { postgres, clickhouse }: SoakStores,
  [state, history]: readonly [state: string, history: string],
  columns: readonly [string, string],
): Promise<ReadonlySet<string>> {
  const [states, facts] = await Promise.all([
    postgres.query<{ key: string }>(`select concat_ws($1, ${columns.join(', ')}) as key from ${state}`, [FIELD]),
    clickhouse
      .query({ query: `select distinct concat(${columns.join(', char(31), ')}) as key from ${history}`, format: 'JSONEachRow' })
      .then(answer => answer.json<{ key: string }>()),
  ])
  return new Set([...states.rows, ...facts].map(({ key }) => key))
}

function secondsOf(keys: ReadonlySet<string>): ReadonlySet<string> {
  return new Set([...keys].map(key => key.slice(key.indexOf(FIELD) + 1)))
}
