/** One side of a fill, or one side of a fill that was busted: EP3 then sends the trade again, in a new execution, in state BUSTED. */
export interface ExecutionEvent {
  readonly kind: 'fill' | 'bust'
  readonly sequence: bigint
  readonly executionId: string
  readonly tradeId: string
  readonly accountId: string
  readonly symbol: string
  readonly asset: string
  readonly side: 'buy' | 'sell'
  /** In units of 10^-9, above zero. */
  readonly quantity: bigint
  /** In units of 10^-9, above zero. */
  readonly price: bigint
  /** What the fill cost the account, in units of 10^-18; a bust gives it back. */
  readonly fee: bigint
  /** For a bust: the execution that it reverses. */
  readonly reverses?: string
  readonly occurredAtMicros: bigint
}

/** Money that moves between accounts without a trade; the amounts of its legs sum to exactly zero, and no account is in it twice. */
export interface AllocationEvent {
  readonly kind: 'funding' | 'settlement'
  readonly sequence: bigint
  readonly executionId: string
  readonly symbol: string
  readonly asset: string
  readonly legs: readonly AllocationLeg[]
  readonly occurredAtMicros: bigint
}

/** What one account receives (or pays, below zero) in an allocation, in units of 10^-18; never zero in the first leg. */
export interface AllocationLeg {
  readonly accountId: string
  readonly amount: bigint
}

/** One message of the dropcopy. */
export type DropcopyEvent = ExecutionEvent | AllocationEvent

/** Tells executions from allocations. */
export function isExecution(event: DropcopyEvent): event is ExecutionEvent {
  return event.kind === 'fill' || event.kind === 'bust'
}
