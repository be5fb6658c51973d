import { Writable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { type ClickHouseClient, ClickHouseLogLevel, createClient } from '@clickhouse/client'
import pg from 'pg'
import { to as copyTo } from 'pg-copy-streams'
import type { JobStores } from '../check-job.ts'
import type { GrowthCheck } from './growth-checks.ts'

/** What the raw queries of each check cost over its checkpoints and the increment, in milliseconds: each the best of some, one after the other, into nothing. */
export type IncrementFloor = Readonly<Record<GrowthCheck, number>>

interface KeptValues {
  readonly table: string
  readonly id: string
  readonly above: string
}

const ROUNDS = 3
// In the order in which the checks made their checkpoints, and their legs within them; pnl-is-zero-sum goes on from those of two others.
const KEPT = ['balances', 'realized in positions', 'realized in transactions', 'positions', 'realized by asset'] as const

/** Measures the floor of stores whose checkpoints were made in the order of `GROWTH_CHECKS`, each once. */
export async function measureIncrementFloor(stores: JobStores): Promise<IncrementFloor> {
  const workshop = decodeURIComponent(new URL(stores.clickhouseStateUrl ?? '').pathname.slice(1))
  const clickhouse = createClient({ url: stores.clickhouseUrl, request_timeout: 600_000, log: { level: ClickHouseLogLevel.OFF } })
  const postgres = new pg.Client({ connectionString: stores.postgresUrl })
  try {
    await postgres.connect()
    const kept = await keptValues(clickhouse, stores.stateUrl ?? '', workshop)
    const copy = (query: string) => best(() => pipeline(postgres.query(copyTo(`copy (${query}) to stdout`)), intoNothing()))
    const select = (query: string) => best(() => selectIntoNothing(clickhouse, query))
    const of = (name: (typeof KEPT)[number]) => kept[KEPT.indexOf(name)] ?? { table: '', id: '', above: '' }
    const sums = (from: KeptValues, keys: readonly string[], only = '') =>
      select(`
        select ${keys.map((_, at) => `k${at}`).join(', ')}, sum(v0) from (
          select ${keys.map((_, at) => `k${at}`).join(', ')}, v0 from ${from.table} where checkpoint = ${from.id}
          union all
          select ${keys.map(key => `toString(${key})`).join(', ')}, sum(toDecimal256(amount, 18)) from transactions where ${from.above} ${only} group by ${keys.join(', ')}
        ) group by ${keys.map((_, at) => `k${at}`).join(', ')}`)
    const lasts = (from: KeptValues, values: readonly string[]) =>
      select(`
        select k0, k1, argMax(v, fresh) from (
          select k0, k1, tuple(${values.map((_, at) => `v${at}`).join(', ')}) as v, 0 as fresh from ${from.table} where checkpoint = ${from.id}
          union all
          select account_id, toString(symbol), argMax(tuple(${values.map(value => `toDecimal256(${value}, 18)`).join(', ')}), sequence), 1
          from positions where ${from.above} group by account_id, symbol
        ) group by k0, k1`)
    const realized = `and kind = 'realized_pnl'`
    const legs = {
      balances: await sums(of('balances'), ['account_id', 'asset']),
      realizedInPositions: await lasts(of('realized in positions'), ['realized_pnl']),
      realizedInTransactions: await sums(of('realized in transactions'), ['account_id', 'symbol'], realized),
      positions: await lasts(of('positions'), ['quantity', 'cost_basis', 'realized_pnl']),
      realizedByAsset: await sums(of('realized by asset'), ['asset'], realized),
      marks: await select(`
        select account_id, symbol, mark_price, realized_pnl, unrealized_pnl from pnl_marks where mark_cycle = (select max(mark_cycle) from pnl_marks)`),
    }
    const books = {
      balances: await copy('select account_id, asset, balance from accounts.balances'),
      positions: await copy('select account_id, symbol, quantity, cost_basis, realized_pnl from trade_engine.positions'),
      byAsset: await copy('select asset, sum(balance) from accounts.balances group by asset'),
    }
    return {
      'transactions-balance': books.balances + legs.balances,
      'position-realized-pnls-balance': legs.realizedInPositions + legs.realizedInTransactions,
      'positions-match': books.positions + legs.positions,
      'omnibus-balances-square': books.byAsset + legs.realizedByAsset,
      'pnl-is-zero-sum': legs.marks + legs.positions + legs.realizedInTransactions,
    }
  } finally {
    await Promise.all([clickhouse.close(), postgres.end()])
  }
}

async function keptValues(clickhouse: ClickHouseClient, stateUrl: string, workshop: string): Promise<readonly KeptValues[]> {
  const client = new pg.Client({ connectionString: stateUrl })
  await client.connect()
  try {
    const { rows } = await client.query<{ id: string; leg: string; first_sequences: Record<string, string> }>(
      'select id::text as id, leg, first_sequences from recon.checkpoints order by recon.checkpoints.id',
    )
    if (rows.length !== KEPT.length) throw new Error(`there are ${rows.length} checkpoints, and not ${KEPT.length}`)
    const result = await clickhouse.query({
      query: 'select name from system.tables where database = {workshop:String}',
      query_params: { workshop },
      format: 'JSON',
    })
    const tables = (await result.json<{ name: string }>()).data.map(({ name }) => name)
    return rows.map(({ id, leg, first_sequences }) => ({
      table: `\`${workshop}\`.\`${tables.find(name => name.endsWith(`_${leg.slice(0, 24)}`)) ?? ''}\``,
      id,
      above: `(${Object.entries(first_sequences)
        .map(([stream, sequence]) => `(stream = '${stream}' and sequence >= ${sequence})`)
        .join(' or ')})`,
    }))
  } finally {
    await client.end()
  }
}

async function selectIntoNothing(clickhouse: ClickHouseClient, query: string): Promise<void> {
  const { stream } = await clickhouse.exec({ query: `${query} format TabSeparated` })
  await pipeline(stream, intoNothing())
}

async function best(work: () => Promise<unknown>): Promise<number> {
  let leastMs = Number.POSITIVE_INFINITY
  for (let round = 0; round < ROUNDS; round++) {
    const startedMs = performance.now()
    await work()
    leastMs = Math.min(leastMs, performance.now() - startedMs)
  }
  return Math.round(leastMs)
}

function intoNothing(): Writable {
  return new Writable({ highWaterMark: 1 << 20, write: (_chunk, _encoding, done) => done() })
}
