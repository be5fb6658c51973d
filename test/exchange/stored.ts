import { createClient } from '@clickhouse/client'
import { Client } from 'pg'

/** The stores under test. */
export interface StoreAddresses {
  readonly postgresUrl: string
  readonly clickhouseUrl: string
}

/** Runs one statement against the incumbent and gives its rows, every value as text. */
export async function postgresRows(stores: StoreAddresses, sql: string): Promise<Record<string, string>[]> {
  const client = new Client({ connectionString: stores.postgresUrl })
  await client.connect()
  try {
    return (await client.query<Record<string, string>>(sql)).rows
  } finally {
    await client.end()
  }
}

/** Runs one statement against ClickHouse and gives its rows, every value as text. */
export async function clickhouseRows(stores: StoreAddresses, sql: string): Promise<Record<string, string>[]> {
  const client = createClient({ url: stores.clickhouseUrl })
  try {
    const answer = await client.query({ query: sql, format: 'JSONStringsEachRow' })
    return await answer.json<Record<string, string>>()
  } finally {
    await client.close()
  }
}

/** PostgreSQL's balances minus ClickHouse's distinct transactions, by key, zero left out: plain sums, in units of 10^-18. */
export async function balanceDifferences(stores: StoreAddresses): Promise<Record<string, bigint>> {
  const [left, right] = await Promise.all([
    postgresRows(stores, 'select account_id, asset, balance::text as amount from accounts.balances'),
    clickhouseRows(
      stores,
      `select account_id, asset, toString(sum(toDecimal256(amount, 18))) as amount
       from (select distinct stream, sequence, transaction_id, account_id, asset, amount from transactions)
       group by account_id, asset`,
    ),
  ])
  const differences = new Map<string, bigint>()
  for (const [rows, sign] of [[left, 1n] as const, [right, -1n] as const])
    for (const row of rows) {
      const key = keyText(row['account_id'], row['asset'])
      differences.set(key, (differences.get(key) ?? 0n) + sign * units(row['amount']))
    }
  return Object.fromEntries([...differences].filter(([, difference]) => difference !== 0n))
}

/**
 * What the two position checks compare, by plain joins: each a line of account, symbol, and left minus right of each value. A row that one side lacks counts as
 * zeros; where the row is all that differs, the line is of zeros.
 */
export async function positionDifferences(stores: StoreAddresses) {
  const last = `
    select account_id, symbol, argMax((toDecimal256(quantity, 18), toDecimal256(cost_basis, 18), toDecimal256(realized_pnl, 18)), sequence) as p
    from positions group by account_id, symbol`
  const [state, history, realized] = await Promise.all([
    postgresRows(
      stores,
      'select account_id, symbol, quantity::text as a, cost_basis::text as b, realized_pnl::text as c from trade_engine.positions',
    ),
    clickhouseRows(stores, `select account_id, symbol, toString(p.1) as a, toString(p.2) as b, toString(p.3) as c from (${last})`),
    clickhouseRows(
      stores,
      `select account_id, symbol, toString(sum(toDecimal256(amount, 18))) as c
       from (select distinct transaction_id, account_id, symbol, amount from transactions where kind = 'realized_pnl') group by account_id, symbol`,
    ),
  ])
  return {
    'positions-match': linesApart(state, history, ['a', 'b', 'c'], true),
    'position-realized-pnls-balance': linesApart(history, realized, ['c'], false),
  }
}

type TextRows = readonly Record<string, string>[]

function linesApart(left: TextRows, right: TextRows, values: readonly string[], presence: boolean): readonly string[] {
  const keyed = (rows: TextRows) =>
    new Map(rows.map(row => [`${row['account_id']}\t${row['symbol']}`, values.map(name => units(row[name]))]))
  const [ours, theirs] = [keyed(left), keyed(right)]
  return [...new Set([...ours.keys(), ...theirs.keys()])].sort().flatMap(key => {
    const apart = values.map((_, at) => (ours.get(key)?.[at] ?? 0n) - (theirs.get(key)?.[at] ?? 0n))
    const samePresence = !presence || ours.has(key) === theirs.has(key)
    return samePresence && apart.every(value => value === 0n) ? [] : [[key, ...apart.map(decimalText)].join('\t')]
  })
}

function decimalText(value: bigint): string {
  const digits = String(value).replace('-', '').padStart(19, '0')
  return `${value < 0n ? '-' : ''}${`${digits.slice(0, -18)}.${digits.slice(-18)}`.replace(/\.?0+$/, '')}`
}

/** Everything the trade-engine and the cash writer keep, in key order, without the times at which it was written. */
export async function postgresState(stores: StoreAddresses) {
  const [trades, positions, balances, transfers, tokens] = await Promise.all([
    postgresRows(stores, 'select t::text as row from trade_engine.trades t order by execution_id collate "C"'),
    postgresRows(stores, 'select p::text as row from trade_engine.positions p order by account_id collate "C", symbol collate "C"'),
    postgresRows(stores, 'select b::text as row from accounts.balances b order by account_id collate "C", asset collate "C"'),
    postgresRows(
      stores,
      'select (transfer_id, sequence, account_id, asset, direction, amount, custodian_reference)::text as row from accounts.transfers order by sequence',
    ),
    postgresRows(stores, 'select (service, stream, sequence, resume_token)::text as row from trade_engine.resume_tokens'),
  ])
  return { trades, positions, balances, transfers, tokens }
}

/** Watermarks that do not say what is true of the rows: for each, the distinct rows at or below it are counted. */
export async function falseWatermarks(stores: StoreAddresses): Promise<Record<string, string>[]> {
  const counted = (table: string, address: string) => `
    select w.table_name as table_name, w.stream as stream, toString(w.sequence) as sequence, toString(w.rows_total) as rows_total, toString(c.rows) as rows
    from (select distinct table_name, stream, sequence, rows_total from sink_watermarks where table_name = '${table}') as w
    asof left join (
      select stream, sequence, toUInt64(sum(n) over (partition by stream order by sequence)) as rows
      from (select stream, sequence, uniqExact(${address}) as n from ${table} group by stream, sequence)) as c
    on w.stream = c.stream and w.sequence >= c.sequence
    where w.rows_total != c.rows`
  const rows = await Promise.all([
    clickhouseRows(stores, counted('transactions', 'transaction_id')),
    clickhouseRows(stores, counted('positions', '(execution_id, account_id, symbol)')),
  ])
  return rows.flat()
}

/** A key as one text, for messages. */
export function keyText(account: string | undefined, asset: string | undefined): string {
  return JSON.stringify([account, asset])
}

/** Decimal text in units of 10^-18. */
export function units(text: string | undefined): bigint {
  const [, sign, whole = '', fraction = ''] = /^(-?)(\d+)(?:\.(\d+))?$/.exec(text ?? '') ?? []
  const magnitude = BigInt(whole + fraction.padEnd(18, '0'))
  return sign === '-' ? -magnitude : magnitude
}
