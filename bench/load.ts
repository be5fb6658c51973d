import { pipeline } from 'node:stream/promises'
import { createClient } from '@clickhouse/client'
import pg from 'pg'
import { from as copyFrom } from 'pg-copy-streams'
import type { StoreUrls } from '../sim/sandbox/stores.ts'

/** How large the books are. A twentieth of the transactions are cash, the others two to a dropcopy sequence. */
export interface Volume {
  readonly keys: number
  readonly transactions: number
}

const CASH_SHARE = 20
const ASSETS = ['BTC', 'ETH', 'EUR', 'USD']

/**
 * Fills empty stores with balanced books: transactions made inside ClickHouse by arithmetic on their number, balances as their sums, copied
 * from there. Deterministic; text account names as production has them.
 */
export async function loadBooks(urls: StoreUrls, { keys, transactions }: Volume, progress: (what: string) => void): Promise<void> {
  const clickhouse = createClient({ url: urls.clickhouseUrl, request_timeout: 600_000 })
  const postgres = new pg.Client({ connectionString: urls.postgresUrl })
  try {
    await postgres.connect()
    progress(`${transactions} transactions into ClickHouse`)
    const parameters = { keys: String(keys / ASSETS.length), cash: String(CASH_SHARE) }
    await clickhouse.command({
      query: `
        insert into transactions
        select if(cash, 'cash', 'dropcopy'), if(cash, intDiv(number, {cash:UInt64}), intDiv(number, 2)) + 1,
          concat('E', toString(number), ':', kind, ':', account, ':', asset), account, asset, '', kind, amount, toDateTime64(1764000000 + number / 1000, 6)
        from (
          select number, number % {cash:UInt64} = 0 as cash, if(cash, 'deposit', 'fee') as kind,
            concat('ACC-', leftPad(toString(cityHash64(number) % {keys:UInt64}), 8, '0')) as account,
            [${ASSETS.map(asset => `'${asset}'`).join(', ')}][1 + intDiv(cityHash64(number), {keys:UInt64}) % ${ASSETS.length}] as asset,
            toDecimal128(toInt64(cityHash64(number, 1) % 2000000000) - 900000000, 18) / 1000000000 as amount
          from numbers(${transactions})
        )`,
      query_params: parameters,
      clickhouse_settings: { max_insert_threads: '2', max_execution_time: 600 },
    })
    await clickhouse.command({
      query: `insert into sink_watermarks select 'transactions', stream, max(sequence), count(), now64(6) from transactions group by stream`,
    })
    progress(`${keys} balances into PostgreSQL`)
    const sums = await clickhouse.exec({
      query: `select account_id, asset, toString(sum(toDecimal256(amount, 18))), maxIf(sequence, stream = 'dropcopy'), maxIf(sequence, stream = 'cash')
        from transactions group by account_id, asset format TabSeparated`,
    })
    await pipeline(
      sums.stream,
      postgres.query(copyFrom('copy accounts.balances (account_id, asset, balance, dropcopy_sequence, cash_sequence) from stdin')),
    )
    await postgres.query(`
      insert into trade_engine.resume_tokens (service, stream, sequence, resume_token)
        select 'trade-engine', 'dropcopy', max(dropcopy_sequence), '' from accounts.balances`)
    await postgres.query(`
      insert into accounts.transfers
        select 'last', max(cash_sequence), 'ACC-00000000', 'USD', 'deposit', 1, 'last', now() from accounts.balances`)
    await postgres.query('vacuum analyze accounts.balances')
  } finally {
    await Promise.all([clickhouse.close(), postgres.end()])
  }
}
