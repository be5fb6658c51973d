import { FEE_ACCOUNT } from './accounts.ts'
import type { Transfer } from './cash-stream.ts'
import type { AllocationEvent, DropcopyEvent, ExecutionEvent } from './dropcopy-event.ts'
import { flat, foldBust, foldFill, type Position } from './fold.ts'

/** One change of a balance: a row of ClickHouse's `transactions`, and a delta of PostgreSQL's `balances`. */
export interface LedgerTransaction {
  readonly stream: 'dropcopy' | 'cash'
  readonly sequence: bigint
  readonly transactionId: string
  readonly accountId: string
  readonly asset: string
  readonly symbol: string
  readonly kind: 'deposit' | 'withdrawal' | 'realized_pnl' | 'fee' | 'funding' | 'settlement'
  /** Signed, in units of 10^-18; zero is a change as well. */
  readonly amount: bigint
  readonly occurredAtMicros: bigint
}

/** What an execution does: the position after it, what it realized, and the transactions that it makes. */
export interface ExecutionEffect {
  readonly position: Position
  readonly realized: bigint
  readonly transactions: readonly LedgerTransaction[]
}

/**
 * Folds one execution into the position of its account and symbol. `realizedThen` is what the reversed execution had realized, and is looked at for a bust
 * only. There are always three transactions, amounts of zero included: realized PnL, the fee, and the same fee to AX-FEES.
 */
export function foldExecution(event: ExecutionEvent, position: Position | undefined, realizedThen: bigint): ExecutionEffect {
  const signedQuantity = event.side === 'buy' ? event.quantity : -event.quantity
  const before = position ?? flat
  const bust = event.kind === 'bust'
  const { position: after, realized } = bust
    ? foldBust(before, signedQuantity, event.price, realizedThen)
    : foldFill(before, signedQuantity, event.price)
  const cost = bust ? -event.fee : event.fee
  return {
    position: after,
    realized,
    transactions: [
      transaction(event, 'realized_pnl', event.accountId, realized),
      transaction(event, 'fee', event.accountId, -cost),
      transaction(event, 'fee', FEE_ACCOUNT, cost),
    ],
  }
}

/** The transactions of funding or settlement: one for each account, summing to zero. */
export function allocationTransactions(event: AllocationEvent): readonly LedgerTransaction[] {
  return event.legs.map(leg => transaction(event, event.kind, leg.accountId, leg.amount))
}

/** The transaction of a transfer, once it has a sequence and a time. */
export function transferTransaction(transfer: Transfer, sequence: bigint, occurredAtMicros: bigint): LedgerTransaction {
  return {
    stream: 'cash',
    sequence,
    transactionId: transfer.transferId,
    accountId: transfer.accountId,
    asset: transfer.asset,
    symbol: '',
    kind: transfer.direction,
    amount: transfer.direction === 'deposit' ? transfer.amount : -transfer.amount,
    occurredAtMicros,
  }
}

function transaction(event: DropcopyEvent, kind: LedgerTransaction['kind'], accountId: string, amount: bigint): LedgerTransaction {
  return {
    stream: 'dropcopy',
    sequence: event.sequence,
    transactionId: `${event.executionId}:${kind}:${accountId}:${event.asset}`,
    accountId,
    asset: event.asset,
    symbol: event.symbol,
    kind,
    amount,
    occurredAtMicros: event.occurredAtMicros,
  }
}
