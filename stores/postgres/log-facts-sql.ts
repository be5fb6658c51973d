import { quoteIdentifier as q, quoteTable } from './identifiers.ts'

/** A table with the deployment's name of each column by its reference name, and for a state table the column that holds the stamp of each stream. */
export interface LogTable {
  readonly schema: string | undefined
  readonly name: string
  readonly columns: Readonly<Record<string, string>>
  readonly stamps: Readonly<Record<string, string>>
}

/** The tables that facts are read from. */
export type LogTables = Readonly<Record<'balances' | 'positions' | 'trades' | 'transfers', LogTable>>

/** The columns of `effectsSql`, as text. */
export const EFFECT_COLUMNS = `e.stream, e.sequence::text as sequence, e.effect, e.account_id, e.asset, e.symbol, trim_scale(e.amount)::text as amount,
  ${utc('e.at')} as at, e.execution_id, e.trade_id, e.transfer_id, e.reference`

/**
 * What every trade and every transfer did: a row for each balance that it changed, zero included. A trade does not say in which asset it settles: $1 and $2 are
 * symbols and their assets. $3 is the account that is credited with every fee. The conditions are on `t`, by reference names.
 */
export function effectsSql({ trades, transfers }: LogTables, tradesWhere: string, transfersWhere: string): string {
  const columns = 'execution_id, trade_id, sequence, account_id, symbol, fee, realized_pnl, executed_at'
  return `
  with assets as materialized (select symbol, asset from unnest($1::text[], $2::text[]) as a (symbol, asset)),
  executions as not materialized (
    select t.*, a.asset from (${mapped(trades, columns)}) as t left join assets a on a.symbol = t.symbol where ${tradesWhere})
  ${[
    ['account_id', 'realized_pnl', 'realized_pnl'],
    ['account_id', 'fee', '-fee'],
    ['$3::text', 'fee', 'fee'],
  ]
    .map(
      ([account, effect, amount]) => `
  select 'dropcopy' as stream, sequence, '${effect}' as effect, ${account} as account_id, asset, symbol, ${amount} as amount, executed_at as at,
    execution_id, trade_id, null::text as transfer_id, null::text as reference
  from executions
  union all`,
    )
    .join('')}
  select 'cash', t.sequence, t.direction, t.account_id, t.asset, '', case t.direction when 'withdrawal' then -t.amount else t.amount end, t.created_at,
    null, null, t.transfer_id, t.custodian_reference
  from (${mapped(transfers, 'transfer_id, sequence, account_id, asset, direction, amount, custodian_reference, created_at')}) as t
  where ${transfersWhere}`
}

/**
 * What each execution adds to a position: the cost basis moves by what was realized and what was paid (schema.md), and a bust takes quantity back. $1 and $2 are
 * accounts and symbols, $3 the greatest sequence.
 */
export function executionsSql({ trades }: LogTables): string {
  const columns = 'execution_id, trade_id, sequence, account_id, symbol, side, quantity, price, realized_pnl, state, executed_at'
  return `
  select (w.place - 1)::text as place, 'dropcopy' as stream, t.sequence::text as sequence, t.execution_id, t.trade_id, t.account_id, t.symbol,
    trim_scale(s.quantity)::text as quantity, trim_scale(t.realized_pnl + s.quantity * t.price)::text as cost_basis,
    trim_scale(t.realized_pnl)::text as realized_pnl, ${utc('t.executed_at')} as at
  from (${mapped(trades, columns)}) as t
  cross join lateral (select case when (t.side = 'buy') = (t.state <> 'busted') then t.quantity else -t.quantity end as quantity) as s
  join unnest($1::text[], $2::text[]) with ordinality as w (account_id, symbol, place) on t.account_id = w.account_id and t.symbol = w.symbol
  where t.sequence <= $3::bigint and t.account_id = any($1::text[])
  order by w.place, t.sequence, t.execution_id collate "C"`
}

/** The state rows of the keys in $1 and $2, in their order; `present` is null where there is none. Stamps come as `stamp_<stream>`. */
export function stateSql(table: LogTable, keys: readonly [string, string], values: readonly string[]): string {
  const column = (name: string) => `t.${q(table.columns[name] ?? name)}`
  const wanted = [
    ...values.map(name => `trim_scale(${column(name)})::text as ${q(name)}`),
    ...Object.entries(table.stamps).map(([stream, stamp]) => `coalesce(t.${q(stamp)}, 0)::text as ${q(`stamp_${stream}`)}`),
  ]
  return `
  select ${column(keys[0])}::text as present, ${wanted.join(', ')}
  from unnest($1::text[], $2::text[]) with ordinality as w (first, second, place)
  left join ${quoteTable(table.schema, table.name)} as t on ${column(keys[0])} = w.first and ${column(keys[1])} = w.second
  order by w.place`
}

function mapped(table: LogTable, columns: string): string {
  const list = columns.split(', ').map(name => `${q(table.columns[name] ?? name)} as ${q(name)}`)
  return `select ${list.join(', ')} from ${quoteTable(table.schema, table.name)}`
}

function utc(column: string): string {
  return `to_char(${column} at time zone 'utc', 'YYYY-MM-DD HH24:MI:SS.US')`
}
