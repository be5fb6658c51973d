import type { ClickHouseClient } from '@clickhouse/client'
import { moneyText, quantityText } from './fixed-point.ts'
import type { LedgerTransaction } from './ledger.ts'
import type { PositionRow } from './sink-fold.ts'

/** The two tables of history that the sink writes. */
export type SinkTable = 'transactions' | 'positions'

/** The last mark cycle that is published, and how many distinct marks there are up to it. */
export interface MarkWatermark {
  readonly table: 'pnl_marks'
  readonly stream: 'mark_cycle'
  readonly sequence: bigint
  readonly rowsTotal: bigint
}

/** A row in the order of its table's columns, as text. */
export type TextRow = readonly string[]

/** The last sequence consumed of a stream for a table, and how many distinct rows that makes. */
export interface Watermark {
  readonly table: SinkTable
  readonly stream: LedgerTransaction['stream']
  readonly sequence: bigint
  readonly rowsTotal: bigint
}

/**
 * Rows that one INSERT may carry. An INSERT that stays within a block becomes one part and is visible at once or not at all; a server that splits blocks at a
 * million rows is told to leave these whole.
 */
export const INSERT_ROWS_MAX = 50_000

// One block, not parsed in pieces, and there when the INSERT returns.
const atomicInsert = {
  input_format_parallel_parsing: 0,
  async_insert: 0,
  max_insert_block_size: '1048576',
  min_insert_block_size_rows: '1048576',
} as const

/** Writes rows of history with one INSERT: visible together or not at all. */
export async function insertRows(client: ClickHouseClient, table: SinkTable | 'pnl_marks', rows: readonly TextRow[]): Promise<void> {
  if (rows.length === 0) return
  if (rows.length > INSERT_ROWS_MAX) throw new Error(`${rows.length} rows in one insert, and it stays atomic up to ${INSERT_ROWS_MAX}`)
  await client.insert({ table, values: [...rows], format: 'JSONCompactEachRow', clickhouse_settings: atomicInsert })
}

/** Writes watermarks with one INSERT; only after the rows that they vouch for. */
export async function insertWatermarks(
  client: ClickHouseClient,
  watermarks: readonly (Watermark | MarkWatermark)[],
  writtenAtMs: number,
): Promise<void> {
  if (watermarks.length === 0) return
  const writtenAt = timeText(BigInt(writtenAtMs) * 1000n)
  const values = watermarks.map(({ table, stream, sequence, rowsTotal }) => [
    table,
    stream,
    sequence.toString(),
    rowsTotal.toString(),
    writtenAt,
  ])
  await client.insert({ table: 'sink_watermarks', values, format: 'JSONCompactEachRow', clickhouse_settings: atomicInsert })
}

/** A transaction as a row of `transactions`. */
export function transactionText(row: LedgerTransaction): TextRow {
  return [
    row.stream,
    row.sequence.toString(),
    row.transactionId,
    row.accountId,
    row.asset,
    row.symbol,
    row.kind,
    moneyText(row.amount),
    timeText(row.occurredAtMicros),
  ]
}

/** A position after an execution as a row of `positions`. */
export function positionText({ event, position }: PositionRow): TextRow {
  return [
    'dropcopy',
    event.sequence.toString(),
    event.executionId,
    event.accountId,
    event.symbol,
    event.asset,
    quantityText(position.quantity),
    moneyText(position.costBasis),
    moneyText(position.realizedPnl),
    timeText(event.occurredAtMicros),
  ]
}

/** A time as ClickHouse reads it, to the microsecond. */
export function timeText(micros: bigint): string {
  const milliseconds = new Date(Number(micros / 1000n)).toISOString().slice(0, -1).replace('T', ' ')
  return `${milliseconds}${(micros % 1000n).toString().padStart(3, '0')}`
}
