import type { ClickHouseClient } from '@clickhouse/client'

/** Publishes a mark cycle over all positions as of a sequence of the dropcopy, and the watermark that vouches for it. Cycles come in the order of their numbers. */
export async function markBooks(clickhouse: ClickHouseClient, cycle: number, sequence: number): Promise<void> {
  await clickhouse.command({
    query: `
      insert into pnl_marks
      select {cycle:UInt64}, 'dropcopy', {sequence:UInt64}, account_id, symbol, asset, toDecimal128(price, 18) / 1000000 as mark_price, last.3,
        toDecimal128(toInt64(last.1 * 1000) * price, 18) / 1000000000 - last.2, now64(6)
      from (
        select account_id, symbol, any(asset) as asset, argMax(tuple(quantity, cost_basis, realized_pnl), sequence) as last,
          toInt64(100000000 + cityHash64(symbol, {cycle:UInt64}) % 10000000) as price
        from positions where stream = 'dropcopy' and sequence <= {sequence:UInt64} group by account_id, symbol
      )`,
    query_params: { cycle, sequence },
    clickhouse_settings: { max_execution_time: 1_800 },
  })
  await clickhouse.command({
    query: `insert into sink_watermarks select 'pnl_marks', 'mark_cycle', {cycle:UInt64}, count(), now64(6) from pnl_marks`,
    query_params: { cycle },
  })
}
