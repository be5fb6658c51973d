import type { ExecutionEvent } from '../exchange/dropcopy-event.ts'
import { keyOf } from '../exchange/engine-batch.ts'
import { flat, type Position } from '../exchange/fold.ts'
import { type ExecutionEffect, foldExecution } from '../exchange/ledger.ts'

/** A position of somebody, after an event. */
export interface HeldPosition {
  readonly accountId: string
  readonly symbol: string
  readonly position: Position
  readonly sequence: bigint
}

/** What somebody who folds executions knows: the simulator's own arithmetic, apart from the processes that play the exchange. */
export interface FoldView {
  /** By `keyOf` account and symbol. */
  readonly positions: ReadonlyMap<string, HeldPosition>
  /** Folds an execution. `stale`: whoever folds it does not take down the position that it leads to. */
  readonly fold: (event: ExecutionEvent, stale?: boolean) => ExecutionEffect
}

/** A fold that begins with nothing. It must be given every execution of an account and symbol, or none. */
export function openFoldView(): FoldView {
  const positions = new Map<string, HeldPosition>()
  const realized = new Map<string, bigint>()
  const fold = (event: ExecutionEvent, stale = false) => {
    const { accountId, symbol, sequence } = event
    const key = keyOf(accountId, symbol)
    const effect = foldExecution(event, positions.get(key)?.position ?? flat, realized.get(event.reverses ?? '') ?? 0n)
    if (!stale) positions.set(key, { accountId, symbol, position: effect.position, sequence })
    realized.set(event.executionId, effect.realized)
    return effect
  }
  return { positions, fold }
}
