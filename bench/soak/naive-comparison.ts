import type { ClickHouseClient } from '@clickhouse/client'
import type pg from 'pg'

type Sums = ReadonlyMap<string, string>

/**
 * What a comparison comes to that knows nothing of epochs: balances now, sums of all transactions now, both stores asked at the same moment. Every
 * difference that it finds in sound books is a false one. Returns how many keys differ.
 */
export async function compareNaively(postgres: pg.Pool, clickhouse: ClickHouseClient): Promise<number> {
  const [balances, sums] = await Promise.all([readBalances(postgres), readSums(clickhouse)])
  let differing = 0
  for (const [key, balance] of balances) if (balance !== (sums.get(key) ?? '0')) differing += 1
  for (const [key, sum] of sums) if (!balances.has(key) && sum !== '0') differing += 1
  return differing
}

async function readBalances(postgres: pg.Pool): Promise<Sums> {
  const { rows } = await postgres.query<[string, string]>({
    text: `select account_id || chr(31) || asset, trim_scale(balance)::text from accounts.balances`,
    rowMode: 'array',
  })
  return new Map(rows)
}

async function readSums(clickhouse: ClickHouseClient): Promise<Sums> {
  const answer = await clickhouse.query({
    query: `select concat(account_id, char(31), asset), toString(sum(toDecimal256(amount, 18))) from transactions group by account_id, asset`,
    format: 'JSONCompactEachRow',
  })
  return new Map(await answer.json<[string, string]>())
}
