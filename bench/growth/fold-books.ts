import { pipeline } from 'node:stream/promises'
import type { ClickHouseClient } from '@clickhouse/client'
import type pg from 'pg'
import { from as copyFrom } from 'pg-copy-streams'
import type { Stretch } from './volume.ts'

/**
 * Folds a stretch of the history into PostgreSQL's balances and positions, writes its transfers and moves the token: what the engine and the cash writer would have
 * done. The sums come from ClickHouse, so that the books are balanced however large they are.
 */
export async function foldBooks(clickhouse: ClickHouseClient, postgres: pg.Client, { dropcopy, cash }: Stretch): Promise<void> {
  const parameters = { first: dropcopy.first, last: dropcopy.last, cashFirst: cash.first, cashLast: cash.last }
  const copy = async (query: string, target: string) => {
    const { stream } = await clickhouse.exec({ query: `${query} format TabSeparated`, query_params: parameters })
    await pipeline(stream, postgres.query(copyFrom(`copy ${target} from stdin`)))
  }
  await postgres.query('begin')
  await postgres.query('create temporary table moved (like accounts.balances) on commit drop')
  await postgres.query('create temporary table held (like trade_engine.positions) on commit drop')
  await copy(
    `select account_id, asset, toString(sum(toDecimal256(amount, 18))), maxIf(sequence, stream = 'dropcopy'), maxIf(sequence, stream = 'cash')
    from transactions
    where (stream = 'dropcopy' and sequence between {first:UInt64} and {last:UInt64})
      or (stream = 'cash' and sequence between {cashFirst:UInt64} and {cashLast:UInt64})
    group by account_id, asset`,
    'moved (account_id, asset, balance, dropcopy_sequence, cash_sequence)',
  )
  await postgres.query(`
    insert into accounts.balances as b (account_id, asset, balance, dropcopy_sequence, cash_sequence)
    select account_id, asset, balance, dropcopy_sequence, cash_sequence from moved
    on conflict (account_id, asset) do update set balance = b.balance + excluded.balance,
      dropcopy_sequence = greatest(b.dropcopy_sequence, excluded.dropcopy_sequence),
      cash_sequence = greatest(b.cash_sequence, excluded.cash_sequence)`)
  await copy(
    `select account_id, symbol, last.1, last.2, last.3, at from (
      select account_id, symbol, argMax(tuple(quantity, cost_basis, realized_pnl), sequence) as last, max(sequence) as at
      from positions where stream = 'dropcopy' and sequence between {first:UInt64} and {last:UInt64} group by account_id, symbol
    )`,
    'held (account_id, symbol, quantity, cost_basis, realized_pnl, sequence)',
  )
  await postgres.query(`
    insert into trade_engine.positions (account_id, symbol, quantity, cost_basis, realized_pnl, sequence)
    select account_id, symbol, quantity, cost_basis, realized_pnl, sequence from held
    on conflict (account_id, symbol) do update set quantity = excluded.quantity, cost_basis = excluded.cost_basis,
      realized_pnl = excluded.realized_pnl, sequence = excluded.sequence`)
  await copy(
    `select transaction_id, sequence, account_id, asset, kind, abs(amount), concat('R', toString(sequence)), occurred_at
    from transactions where stream = 'cash' and sequence between {cashFirst:UInt64} and {cashLast:UInt64}`,
    'accounts.transfers (transfer_id, sequence, account_id, asset, direction, amount, custodian_reference, created_at)',
  )
  await postgres.query(
    `insert into trade_engine.resume_tokens (service, stream, sequence, resume_token) values ('trade-engine', 'dropcopy', $1, '')
    on conflict (service, stream) do update set sequence = excluded.sequence`,
    [dropcopy.last],
  )
  await postgres.query('commit')
  for (const table of ['accounts.balances', 'trade_engine.positions', 'accounts.transfers']) await postgres.query(`vacuum analyze ${table}`)
}
