import type { ClickHouseClient } from '@clickhouse/client'
import type { SequenceRange, Stretch } from './volume.ts'

/** The assets, one of which each symbol settles in. */
export const GROWTH_ASSETS = ['BTC', 'ETH', 'EUR', 'USD'] as const

// Spreads consecutive events over the keys, each once in a round: it has no factor in common with their number.
const STRIDE = 611_953
const ASSETS = `[${GROWTH_ASSETS.map(asset => `'${asset}'`).join(', ')}]`

/**
 * The events of trading by arithmetic on their number, two rows each: a pair of accounts fills against each other, over and over, or pays funding in one
 * round of four. Their positions are opposite, and what the two have realized is in the cost of the second: so realized and unrealized PnL come to zero at
 * any mark price, whatever they realize. Amounts are in units of 10^-9, quantities of 10^-3, prices of 10^-6.
 */
const EVENTS = `
  select sequence, side, concat('E', toString(sequence), ['b', 's'][side + 1]) as execution_id,
    concat('ACC-', leftPad(toString(couple * 2 + side), 8, '0')) as account_id, ${ASSETS}[slot + 1] as asset,
    concat(asset, '-', leftPad(toString(couple % 16), 2, '0'), '-PERP') as symbol,
    round > 0 and (pair + round) % 4 = 3 as funding,
    1 + round - (intDiv(pair + round + 1, 4) - intDiv(pair + 1, 4)) as fills,
    arrayMap(of -> toInt64(cityHash64(pair, of) % 2000000000) - 900000000, [0, 1]) as base,
    arrayMap(of -> toInt64(cityHash64(pair, of, 1) % 1000), [0, 1]) as step,
    arrayMap((b, s) -> fills * b + s * intDiv(fills * (fills + 1), 2), base, step) as realized,
    if(funding, if(side = 0, 1, -1) * toInt64(cityHash64(pair, round) % 1000000000), base[side + 1] + step[side + 1] * fills) as amount,
    toInt64(cityHash64(pair) % 100000 + fills * 10 + 1) as lots, lots * toInt64(100 + couple % 16 + slot) * 1000000 as opening_cost,
    if(side = 0, lots, -lots) as quantity, if(side = 0, opening_cost, realized[1] + realized[2] - opening_cost) as cost_basis,
    toDateTime64(1764000000 + intDiv(sequence, 1000), 6) as occurred_at
  from (
    select number as sequence, arrayJoin([0, 1]) as side, ((number - 1) * ${STRIDE}) % {pairs:UInt64} as pair,
      toInt64(intDiv(number - 1, {pairs:UInt64})) as round, pair % 4 as slot, intDiv(pair, 4) as couple
    from numbers({first:UInt64}, {count:UInt64})
  )`

/** Deposits, and after each four of them a small withdrawal. Amounts in units of 10^-9. */
const TRANSFERS = `
  select number as sequence, concat('C', toString(number)) as transfer_id,
    concat('ACC-', leftPad(toString((number * ${STRIDE}) % {accounts:UInt64}), 8, '0')) as account_id, ${ASSETS}[number % 4 + 1] as asset,
    if(number % 5 = 0, 'withdrawal', 'deposit') as kind,
    if(kind = 'deposit', 1, -1) * toInt64(if(kind = 'deposit', 1000000000000, 1) + cityHash64(number) % 1000000000) as amount,
    toDateTime64(1764000000 + number, 6) as occurred_at
  from numbers({first:UInt64}, {count:UInt64})`

/** Appends a stretch of both streams to the history in ClickHouse, with the watermarks that vouch for it. The same rows for the same stretch. */
export async function appendHistory(clickhouse: ClickHouseClient, keys: number, { dropcopy, cash }: Stretch): Promise<void> {
  const insert = (query: string, { first, last }: SequenceRange) =>
    clickhouse.command({
      query,
      query_params: { pairs: keys / 2, accounts: keys / GROWTH_ASSETS.length, first, count: last - first + 1 },
      clickhouse_settings: { max_insert_threads: '2', max_execution_time: 1_800 },
    })
  await insert(
    `insert into transactions
    select 'dropcopy', sequence, concat(execution_id, ':', kind, ':', account_id, ':', asset), account_id, asset, symbol,
      if(funding, 'funding', 'realized_pnl') as kind, toDecimal128(amount, 18) / 1000000000, occurred_at
    from (${EVENTS})`,
    dropcopy,
  )
  await insert(
    `insert into positions
    select 'dropcopy', sequence, execution_id, account_id, symbol, asset,
      toDecimal128(quantity, 18) / 1000, toDecimal128(cost_basis, 18) / 1000000000, toDecimal128(realized[side + 1], 18) / 1000000000, occurred_at
    from (${EVENTS}) where not funding`,
    dropcopy,
  )
  await insert(
    `insert into transactions
    select 'cash', sequence, transfer_id, account_id, asset, '', kind, toDecimal128(amount, 18) / 1000000000, occurred_at from (${TRANSFERS})`,
    cash,
  )
  await vouch(clickhouse, 'transactions', 'dropcopy', dropcopy)
  await vouch(clickhouse, 'positions', 'dropcopy', dropcopy)
  await vouch(clickhouse, 'transactions', 'cash', cash)
}

/** A watermark for each batch of the sink, as it would have written them, and one at the end of the stretch, whether that has a row or not. */
async function vouch(
  clickhouse: ClickHouseClient,
  table: 'transactions' | 'positions',
  stream: string,
  range: SequenceRange,
): Promise<void> {
  await clickhouse.command({
    query: `
      insert into sink_watermarks
      with (select max(rows_total) from sink_watermarks where table_name = {table:String} and stream = {stream:String}) as before
      select {table:String}, {stream:String}, least(batch * 500 + 499, {last:UInt64}), before + sum(n) over (order by batch), now64(6)
      from (
        select batch, sum(rows) as n from (
          select intDiv(sequence, 500) as batch, count() as rows from ${table}
          where stream = {stream:String} and sequence between {first:UInt64} and {last:UInt64} group by batch
          union all select intDiv({last:UInt64}, 500), 0
        ) group by batch
      )`,
    query_params: { table, stream, ...range },
  })
}
