import type { ClickHouseHistory } from './history.ts'
import { quoteIdentifier, type TableName } from './identifiers.ts'

/** A table of PnL marks (schema.md, `pnl_marks`): one row for each account and symbol in each cycle, and what its columns are called. */
export interface MarkTable {
  readonly table: TableName
  readonly columns: Readonly<Record<MarkColumn, string>>
}

/** The columns of a mark by their reference names. */
export const MARK_COLUMNS = [
  'mark_cycle',
  'stream',
  'sequence',
  'account_id',
  'symbol',
  'asset',
  'mark_price',
  'realized_pnl',
  'unrealized_pnl',
  'marked_at',
] as const

type MarkColumn = (typeof MARK_COLUMNS)[number]

/** The quoted names of all columns in this deployment. */
export function quotedColumns({ columns }: MarkTable): Readonly<Record<MarkColumn, string>> {
  const quoted = (name: MarkColumn) => quoteIdentifier(columns[name])
  return {
    mark_cycle: quoted('mark_cycle'),
    stream: quoted('stream'),
    sequence: quoted('sequence'),
    account_id: quoted('account_id'),
    symbol: quoted('symbol'),
    asset: quoted('asset'),
    mark_price: quoted('mark_price'),
    realized_pnl: quoted('realized_pnl'),
    unrealized_pnl: quoted('unrealized_pnl'),
    marked_at: quoted('marked_at'),
  }
}

/** The table as a history of cycles, for what is asked of every history: that its columns are what they must be, and that its engine drops nothing. */
export function asHistoryOfCycles({ table, columns }: MarkTable): ClickHouseHistory {
  return {
    table,
    streams: [],
    streamColumn: columns.stream,
    sequenceColumn: columns.mark_cycle,
    address: [columns.symbol, columns.account_id],
    facts: [columns.sequence, columns.asset, columns.mark_price, columns.realized_pnl, columns.unrealized_pnl, columns.marked_at],
    decimals: [columns.mark_price, columns.realized_pnl, columns.unrealized_pnl],
    keys: {},
    values: {},
    shape: { keys: [], values: [], aggregating: false },
  }
}
