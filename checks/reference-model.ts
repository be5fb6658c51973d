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

/** The tables that the built-in checks read (schema.md), as a deployment calls them. */
export interface ReferenceTables {
  readonly postgres: Readonly<Record<'balances', MappedTable>>
  readonly clickhouse: Readonly<Record<'transactions' | 'sink_watermarks', MappedTable>>
}

/** The reference data model under its own names. */
export const REFERENCE_TABLES: ReferenceTables = {
  postgres: {
    balances: {
      ...table('accounts', 'balances', ['account_id', 'asset', 'balance']),
      stamps: { dropcopy: 'dropcopy_sequence', cash: 'cash_sequence' },
    },
  },
  clickhouse: {
    transactions: table(undefined, 'transactions', [
      'stream',
      'sequence',
      'transaction_id',
      'account_id',
      'asset',
      'symbol',
      'kind',
      'amount',
      'occurred_at',
    ]),
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

function table(schema: string | undefined, name: string, columns: readonly string[]): MappedTable {
  return { schema, name, columns: Object.fromEntries(columns.map(column => [column, column])), stamps: {} }
}
