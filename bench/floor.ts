import { Writable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createClient } from '@clickhouse/client'
import pg from 'pg'
import { to as copyTo } from 'pg-copy-streams'
import type { StoreUrls } from '../sim/sandbox/stores.ts'

/** What the raw queries cost that no check of these books can do without, in milliseconds: best of the rounds, one after the other. */
export interface Floor {
  readonly postgresCopyMs: number
  readonly clickhouseMs: number
  /** Each way of asking ClickHouse that was tried; the least of them is the floor. */
  readonly clickhouseWays: Readonly<Record<string, number>>
  readonly totalMs: number
}

const ROUNDS = 3
const DEDUPLICATED = `select * from transactions where WITHIN
  order by stream, sequence, transaction_id, account_id, asset, symbol, kind, amount, occurred_at
  limit 1 by stream, sequence, transaction_id, account_id, asset, symbol, kind, amount, occurred_at`

// Decimal256 sums as of E with the counts that tell whether rows are missing or repeated, unordered: beside plain sums, which are right only
// where nothing is repeated, and with duplicates collapsed on the way.
const CLICKHOUSE_WAYS = {
  'sums and uniqExact': `
    select account_id, asset, sum(toDecimal256(amount, 18)), '' from transactions where WITHIN group by account_id, asset
    union all
    select '', '', toDecimal256(count(), 18), toString(uniqExact(transaction_id)) from transactions where WITHIN`,
  'sums over distinct rows': `
    select account_id, asset, sum(toDecimal256(amount, 18)), '' from (${DEDUPLICATED}) group by account_id, asset
    union all
    select '', '', toDecimal256(uniqExact(transaction_id), 18), '' from transactions where WITHIN
    union all
    select '', '', toDecimal256(count(), 18), '' from transactions where WITHIN`,
} as const

/** Measures the floor on loaded books: the same statements as the issue names, straight into nothing. */
export async function measureFloor(urls: StoreUrls, epoch: Readonly<Record<'dropcopy' | 'cash', string>>): Promise<Floor> {
  const within = `((stream = 'dropcopy' and sequence <= ${epoch.dropcopy}) or (stream = 'cash' and sequence <= ${epoch.cash}))`
  const clickhouse = createClient({ url: urls.clickhouseUrl, request_timeout: 600_000 })
  const postgres = new pg.Client({ connectionString: urls.postgresUrl })
  const copy = 'copy (select account_id, asset, balance, dropcopy_sequence, cash_sequence from accounts.balances) to stdout'
  try {
    await postgres.connect()
    const postgresCopyMs = await best(() => pipeline(postgres.query(copyTo(copy)), intoNothing()))
    const ways: Record<string, number> = {}
    for (const [way, sql] of Object.entries(CLICKHOUSE_WAYS)) {
      ways[way] = await best(async () => {
        const { stream } = await clickhouse.exec({ query: `${sql.replaceAll('WITHIN', within)} format TabSeparated` })
        await pipeline(stream, intoNothing())
      })
    }
    const clickhouseMs = Math.min(...Object.values(ways))
    return { postgresCopyMs, clickhouseMs, clickhouseWays: ways, totalMs: postgresCopyMs + clickhouseMs }
  } finally {
    await Promise.all([clickhouse.close(), postgres.end()])
  }
}

async function best(work: () => Promise<unknown>): Promise<number> {
  const times: number[] = []
  for (let round = 0; round < ROUNDS; round++) {
    const startedMs = performance.now()
    await work()
    times.push(performance.now() - startedMs)
  }
  return Math.round(Math.min(...times))
}

function intoNothing(): Writable {
  return new Writable({ highWaterMark: 1 << 20, write: (_chunk, _encoding, done) => done() })
}
