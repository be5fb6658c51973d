import type { Checkpoints } from '../stores/clickhouse/checkpoints.ts'
import type { ClickHouseConnection } from '../stores/clickhouse/connection.ts'
import type { HorizonStrategy } from '../stores/clickhouse/history-leg.ts'
import type { PostgresStore } from '../stores/postgres/postgres-store.ts'
import type { ReferenceTables } from './reference-model.ts'

/** Where a check may read, and what things are called there. */
export interface CheckSources {
  readonly postgres: PostgresStore
  readonly clickhouse: ClickHouseConnection
  /** The streams of the deployment, with the SQL scalar that reads each from PostgreSQL. */
  readonly streams: Readonly<Record<string, string>>
  readonly tables: ReferenceTables
  /** How ClickHouse is known to show everything up to an epoch. */
  readonly horizon: { readonly strategy: 'watermark' } | { readonly strategy: 'settle'; readonly settleMs: number }
  /** Where what was verified is kept, so that not everything is read with every run; absent: everything is. */
  readonly checkpoints?: Checkpoints
  /** How much of a captured leg may stay in memory; the rest goes to a temporary file. */
  readonly memoryBytesMax: number
}

/** The horizon strategy for one table of the reference model, whose watermarks carry its reference name. */
export function horizonOf({ horizon, tables }: Pick<CheckSources, 'horizon' | 'tables'>, referenceName: string): HorizonStrategy {
  if (horizon.strategy === 'settle') return horizon
  const { schema, name, columns } = tables.clickhouse.sink_watermarks
  return {
    strategy: 'watermark',
    watermarkName: referenceName,
    watermarks: {
      table: { database: schema, name },
      tableNameColumn: columns['table_name'] ?? 'table_name',
      streamColumn: columns['stream'] ?? 'stream',
      sequenceColumn: columns['sequence'] ?? 'sequence',
      rowsTotalColumn: columns['rows_total'] ?? 'rows_total',
    },
  }
}
