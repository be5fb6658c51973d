import { type Decimal, tryParseDecimal } from '../../epoch/decimal.ts'
import { type Epoch, parseSequence } from '../../epoch/epoch.ts'
import type { FactIds, LedgerFact, PositionFact, PositionValues, SegmentTotals } from '../../epoch/fact.ts'
import { StoreError } from '../../epoch/store-error.ts'
import type { LogTable } from './log-facts-sql.ts'

/** A row as PostgreSQL gives it when every column is text. */
export type TextRow = Readonly<Record<string, string | null>>

/** Reads an amount. Throws `StoreError` for what is none, such as NaN. */
export function readAmount(store: string, row: TextRow, column: string): Decimal {
  const amount = tryParseDecimal(row[column] ?? '')
  if (!amount) throw new StoreError(store, 'store-error', `column ${column} holds ${row[column] ?? 'NULL'}, which is no amount`)
  return amount
}

/** Reads the three values of a position. */
export function readPosition(store: string, row: TextRow): PositionValues {
  const value = (column: string) => readAmount(store, row, column)
  return { quantity: value('quantity'), cost_basis: value('cost_basis'), realized_pnl: value('realized_pnl') }
}

/** Reads the stamps of a state row. */
export function readStamps(row: TextRow, table: LogTable): Epoch {
  const streams = Object.keys(table.stamps)
  return Object.fromEntries(streams.map(stream => [stream, parseSequence(row[`stamp_${stream}`], `a stamp of ${table.name}`)]))
}

/** Reads a row of the effects of trades and transfers. */
export function readEffect(store: string, row: TextRow): LedgerFact & { readonly reference: string } {
  return {
    stream: row['stream'] ?? '',
    sequence: parseSequence(row['sequence'], 'a sequence in the log'),
    effect: row['effect'] ?? '',
    account: row['account_id'] ?? '',
    asset: row['asset'] ?? null,
    symbol: row['symbol'] ?? '',
    amount: readAmount(store, row, 'amount'),
    time: row['at'] ?? '',
    ids: idsOf(row, ['execution_id', 'trade_id', 'transfer_id']),
    reference: row['reference'] ?? '',
  }
}

/** Reads what the facts of one kind in one segment come to. */
export function readTotals(store: string, row: TextRow): SegmentTotals {
  return {
    stream: row['stream'] ?? '',
    segment: parseSequence(row['segment'], 'a segment of the log'),
    effect: row['effect'] ?? '',
    facts: parseSequence(row['facts'], 'a count of the log'),
    sum: readAmount(store, row, 'sum'),
    weighted: readAmount(store, row, 'weighted'),
  }
}

/** Reads an execution with what it adds to a position. */
export function readExecution(store: string, row: TextRow): PositionFact {
  return {
    stream: row['stream'] ?? '',
    sequence: parseSequence(row['sequence'], 'a sequence in the log'),
    executionId: row['execution_id'] ?? '',
    account: row['account_id'] ?? '',
    symbol: row['symbol'] ?? '',
    values: readPosition(store, row),
    time: row['at'] ?? '',
    ids: idsOf(row, ['execution_id', 'trade_id']),
  }
}

function idsOf(row: TextRow, names: readonly string[]): FactIds {
  return Object.fromEntries(names.flatMap(name => (typeof row[name] === 'string' ? [[name, row[name]]] : [])))
}
