import { MARK_COLUMNS } from '../stores/clickhouse/mark-table.ts'

/** One table of the reference data model as it is called in a deployment: its schema (PostgreSQL) or database (ClickHouse), name and columns. */
export interface MappedTable {
  /** Undefined: the database that the ClickHouse URL names. */
  readonly schema: string | undefined
  readonly name: string
  /** The deployment's column by its name in the reference model. */
  readonly columns: Readonly<Record<string, string>>
  /** For a state table: the column that holds the stamp of each stream. */
  readonly stamps: Readonly<Record<string, string>>
}

/** A history of the reference model: what makes its rows facts, by reference names. */
interface ReferenceHistory {
  /** The streams that write into it; `all` for whatever the deployment declares. */
  readonly streams: 'all' | readonly string[]
  readonly address: readonly string[]
  readonly facts: readonly string[]
  readonly decimals: readonly string[]
}

/** The histories that the built-in checks read; their watermarks carry these names. */
export const REFERENCE_HISTORIES = {
  transactions: {
    streams: 'all',
    address: ['transaction_id'],
    facts: ['account_id', 'asset', 'symbol', 'kind', 'amount', 'occurred_at'],
    decimals: ['amount'],
  },
  positions: {
    streams: ['dropcopy'],
    address: ['execution_id', 'account_id', 'symbol'],
    facts: ['asset', 'quantity', 'cost_basis', 'realized_pnl', 'occurred_at'],
    decimals: ['quantity', 'cost_basis', 'realized_pnl'],
  },
} as const satisfies Readonly<Record<string, ReferenceHistory>>

/** The name of such a history. */
export type ReferenceHistoryName = keyof typeof REFERENCE_HISTORIES

/** The tables that the built-in checks read (schema.md), as a deployment calls them. */
export interface ReferenceTables {
  readonly postgres: Readonly<Record<'balances' | 'positions' | 'trades' | 'transfers', MappedTable>>
  readonly clickhouse: Readonly<Record<ReferenceHistoryName | 'pnl_marks' | 'sink_watermarks', MappedTable>>
}

/** The reference data model under its own names. */
export const REFERENCE_TABLES: ReferenceTables = {
  postgres: {
    balances: {
      ...table('accounts', 'balances', ['account_id', 'asset', 'balance']),
      stamps: { dropcopy: 'dropcopy_sequence', cash: 'cash_sequence' },
    },
    positions: {
      ...table('trade_engine', 'positions', ['account_id', 'symbol', 'quantity', 'cost_basis', 'realized_pnl']),
      stamps: { dropcopy: 'sequence' },
    },
    trades: table('trade_engine', 'trades', [
      'execution_id',
      'trade_id',
      'sequence',
      'account_id',
      'symbol',
      'side',
      'quantity',
      'price',
      'fee',
      'realized_pnl',
      'state',
      'executed_at',
    ]),
    transfers: table('accounts', 'transfers', [
      'transfer_id',
      'sequence',
      'account_id',
      'asset',
      'direction',
      'amount',
      'custodian_reference',
      'created_at',
    ]),
  },
  clickhouse: {
    transactions: history('transactions'),
    positions: history('positions'),
    pnl_marks: table(undefined, 'pnl_marks', MARK_COLUMNS),
    sink_watermarks: table(undefined, 'sink_watermarks', ['table_name', 'stream', 'sequence', 'rows_total']),
  },
}

/** The SQL that reads each stream's sequence from PostgreSQL: no row and NULL count as 0. */
export const REFERENCE_STREAMS: Readonly<Record<string, string>> = {
  dropcopy: `select sequence from trade_engine.resume_tokens where service = 'trade-engine' and stream = 'dropcopy'`,
  cash: 'select max(sequence) from accounts.transfers',
}

/** The deployment's name of a column; the reference name where none is mapped. */
export function columnOf(mapped: MappedTable, name: string): string {
  return mapped.columns[name] ?? name
}

function history(name: ReferenceHistoryName): MappedTable {
  const { address, facts } = REFERENCE_HISTORIES[name]
  return table(undefined, name, ['stream', 'sequence', ...address, ...facts])
}

function table(schema: string | undefined, name: string, columns: readonly string[]): MappedTable {
  return { schema, name, columns: Object.fromEntries(columns.map(column => [column, column])), stamps: {} }
}
