import { type Decimal, tryParseDecimal } from '../../epoch/decimal.ts'
import { parseSequence, type Sequence } from '../../epoch/epoch.ts'
import type { LedgerFact, PositionFact } from '../../epoch/fact.ts'
import { StoreError } from '../../epoch/store-error.ts'
import type { JsonRow } from './json-answer.ts'

/** Reads a row of transactions, every column as text. */
export function readTransaction(store: string, row: JsonRow): LedgerFact {
  return {
    stream: text(row, 'stream'),
    sequence: readSequence(row),
    effect: text(row, 'kind'),
    account: text(row, 'account_id'),
    asset: text(row, 'asset'),
    symbol: text(row, 'symbol'),
    amount: readAmount(store, row, 'c_amount'),
    time: text(row, 'occurred_at'),
    ids: { transaction_id: text(row, 'transaction_id') },
  }
}

/** Reads a row of positions, every column as text. */
export function readPositionRow(store: string, row: JsonRow): PositionFact {
  const value = (column: string) => readAmount(store, row, `c_${column}`)
  return {
    stream: text(row, 'stream'),
    sequence: readSequence(row),
    executionId: text(row, 'execution_id'),
    account: text(row, 'account_id'),
    symbol: text(row, 'symbol'),
    values: { quantity: value('quantity'), cost_basis: value('cost_basis'), realized_pnl: value('realized_pnl') },
    time: text(row, 'occurred_at'),
    ids: { execution_id: text(row, 'execution_id') },
  }
}

/** Reads the sequence of a row. */
export function readSequence(row: JsonRow): Sequence {
  return parseSequence(row['c_sequence'], 'a sequence of the history')
}

/** Reads an amount. Throws `StoreError` for what is none, such as NULL. */
export function readAmount(store: string, row: JsonRow, column: string): Decimal {
  const amount = tryParseDecimal(String(row[column]))
  if (!amount) throw new StoreError(store, 'store-error', `a row of the history holds ${String(row[column])}, which is no amount`)
  return amount
}

function text(row: JsonRow, column: string): string {
  const value = row[`c_${column}`]
  return typeof value === 'string' ? value : ''
}
