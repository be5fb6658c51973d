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

function asText(reference: string): string {
  return reference === 'occurred_at' ? `toString(toDateTime64(occurred_at, 6, 'UTC'))` : `toString(${reference})`
}
