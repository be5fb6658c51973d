import { segmentWeightSql } from '../../epoch/fact.ts'
import { quoteIdentifier as q, quoteTable } from './identifiers.ts'

/** A table with the deployment's name of each column by its reference name. */
export interface HistoryTable {
  readonly schema: string | undefined
  readonly name: string
  readonly columns: Readonly<Record<string, string>>
}

/** The columns of a transaction, by reference names. */
export const TRANSACTION_COLUMNS = [
  'stream',
  'sequence',
  'transaction_id',
  'account_id',
  'asset',
  'symbol',
  'kind',
  'amount',
  'occurred_at',
] as const

/** The columns of a row of positions, by reference names. */
export const POSITION_COLUMNS = [
  'stream',
  'sequence',
  'execution_id',
  'account_id',
  'symbol',
  'asset',
  'quantity',
  'cost_basis',
  'realized_pnl',
  'occurred_at',
] as const

/**
 * How to read a table of history: `table` gives its columns under their reference names, and `select` all of them as text, each called `c_` and its name, so that
 * conditions and orders go by the columns themselves. Times are in UTC to the microsecond.
 */
export function reading(
  { schema, name, columns }: HistoryTable,
  wanted: readonly string[],
): { readonly table: string; readonly select: string } {
  const renamed = wanted.map(reference => `${q(columns[reference] ?? reference)} as ${reference}`)
  const table = `(select ${renamed.join(', ')} from ${quoteTable({ database: schema, name })}) as facts`
  const texts = wanted.map(reference => `${asText(reference)} as c_${reference}`)
  return { table, select: `select ${texts.join(', ')} from ${table}` }
}

/**
 * What the distinct rows of one balance in one stream come to, by segments and kinds; 38 places hold any decimal. Repeated rows lie side by side where the table is
 * sorted by content address, so that collapsing them is a pass in constant memory.
 */
export function segmentsSql({ schema, name, columns }: HistoryTable): string {
  const raw = (reference: string) => q(columns[reference] ?? reference)
  const all = TRANSACTION_COLUMNS.map(raw).join(', ')
  return `
  select toString(intDiv(s, {width:UInt64})) as c_segment, toString(k) as c_effect, toString(count()) as c_facts,
    toString(sum(a)) as c_sum, toString(sum((a + 1) * ${segmentWeightSql('toInt64(s)')})) as c_weighted
  from (
    select ${raw('sequence')} as s, ${raw('kind')} as k, toDecimal256(${raw('amount')}, 38) as a from (
      select ${all} from ${quoteTable({ database: schema, name })}
      where ${raw('stream')} = {stream:String} and ${raw('sequence')} <= {last:UInt64}
        and ${raw('account_id')} = {account:String} and ${raw('asset')} = {asset:String}
      order by ${raw('stream')}, ${raw('sequence')}, ${raw('transaction_id')} limit 1 by ${all})
  )
  group by intDiv(s, {width:UInt64}), k`
}

function asText(reference: string): string {
  return reference === 'occurred_at' ? `toString(toDateTime64(occurred_at, 6, 'UTC'))` : `toString(${reference})`
}
