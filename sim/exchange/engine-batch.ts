import type { EngineOutput } from '../faults/engine-faults.ts'
import type { PlantedPart } from '../faults/planted-fault.ts'
import { FEE_ACCOUNT } from './accounts.ts'
import { type DropcopyEvent, type ExecutionEvent, isExecution } from './dropcopy-event.ts'
import { BUST_DISTANCE_MAX } from './dropcopy-layout.ts'
import { flat, type Position } from './fold.ts'
import { allocationTransactions, foldExecution, type LedgerTransaction } from './ledger.ts'

/** A position with the dropcopy sequence that last changed it; 0 for one that has no row yet. */
export interface StampedPosition {
  readonly accountId: string
  readonly symbol: string
  readonly position: Position
  readonly sequence: bigint
}

/** What a batch adds to one balance, in units of 10^-18, and the stamp that the row gets. */
export interface BalanceChange {
  readonly accountId: string
  readonly asset: string
  readonly amount: bigint
  readonly sequence: bigint
}

/** One side of a fill, or of its bust, as a row of `trades`. */
export interface TradeRow {
  readonly event: ExecutionEvent
  readonly fee: bigint
  readonly realized: bigint
}

/** A folded batch: what the three commits write. */
export interface EngineBatch {
  readonly trades: readonly TradeRow[]
  readonly positions: readonly StampedPosition[]
  readonly balances: readonly BalanceChange[]
  readonly planted: readonly PlantedPart[]
}

/** What the engine knows of PostgreSQL: it is the only writer of these, so what it knows stays true. Keys are made by `keyOf`. */
export interface EngineMemory {
  readonly positions: Map<string, StampedPosition>
  readonly balanceStamps: Map<string, bigint>
  /** What recent executions realized, for the busts that reverse them. */
  readonly realized: Map<string, bigint>
}

/** Keys of rows that a batch needs. */
export interface WantedRows {
  readonly positions: readonly { readonly accountId: string; readonly symbol: string }[]
  readonly balances: readonly { readonly accountId: string; readonly asset: string }[]
  readonly reversed: readonly string[]
}

/** A map key for two texts, whatever is in them. */
export function keyOf(accountId: string, other: string): string {
  return `${other}\u0000${accountId}`
}

/** Lists what has to be loaded before `events` can be folded. */
export function keysOf(memory: EngineMemory, events: readonly DropcopyEvent[]): WantedRows {
  const positions = new Map<string, { accountId: string; symbol: string }>()
  const balances = new Map<string, { accountId: string; asset: string }>()
  const reversed: string[] = []
  const balance = (accountId: string, asset: string) => {
    const key = keyOf(accountId, asset)
    if (!memory.balanceStamps.has(key)) balances.set(key, { accountId, asset })
  }
  for (const event of events) {
    if (!isExecution(event)) {
      for (const leg of event.legs) balance(leg.accountId, event.asset)
      continue
    }
    balance(event.accountId, event.asset)
    balance(FEE_ACCOUNT, event.asset)
    const key = keyOf(event.accountId, event.symbol)
    if (!memory.positions.has(key)) positions.set(key, { accountId: event.accountId, symbol: event.symbol })
    // Also one that stands in this very batch: an engine that died may have folded it, and then it is not folded again.
    if (event.reverses !== undefined && !memory.realized.has(event.reverses)) reversed.push(event.reverses)
  }
  return { positions: [...positions.values()], balances: [...balances.values()], reversed }
}

/** Folds events, in order, on top of what is remembered; changes nothing. Every row takes only events above its stamp. */
export function foldBatch(
  memory: EngineMemory,
  events: readonly DropcopyEvent[],
  distort: (event: DropcopyEvent, transactions: readonly LedgerTransaction[]) => EngineOutput,
  leavesPosition: (sequence: bigint) => boolean = () => false,
): EngineBatch {
  const trades: TradeRow[] = []
  const positions = new Map<string, StampedPosition>()
  const balances = new Map<string, BalanceChange>()
  const planted: PlantedPart[] = []
  const realized = new Map<string, bigint>()

  const transactionsOf = (event: DropcopyEvent): readonly LedgerTransaction[] => {
    if (!isExecution(event)) return allocationTransactions(event)
    const key = keyOf(event.accountId, event.symbol)
    const before = positions.get(key) ?? memory.positions.get(key)
    // Folded by an engine that died before its token: the trade, the position and the balances of this event are there.
    if (before !== undefined && before.sequence >= event.sequence) return []
    const effect = foldExecution(event, before?.position ?? flat, reversedPnl(event, realized, memory.realized))
    if (!leavesPosition(event.sequence))
      positions.set(key, { accountId: event.accountId, symbol: event.symbol, position: effect.position, sequence: event.sequence })
    realized.set(event.executionId, effect.realized)
    trades.push({ event, fee: event.kind === 'bust' ? -event.fee : event.fee, realized: effect.realized })
    return effect.transactions
  }
  for (const event of events) {
    const output = distort(event, transactionsOf(event))
    planted.push(...output.planted)
    for (const { accountId, asset, amount, sequence } of output.apply) {
      const key = keyOf(accountId, asset)
      if ((memory.balanceStamps.get(key) ?? 0n) >= sequence) continue
      balances.set(key, { accountId, asset, amount: (balances.get(key)?.amount ?? 0n) + amount, sequence })
    }
  }
  return { trades, positions: [...positions.values()], balances: [...balances.values()], planted }
}

/** Remembers what a batch has written, and forgets executions that no bust can name any more. */
export function keepBatch(memory: EngineMemory, batch: EngineBatch): void {
  for (const row of batch.positions) memory.positions.set(keyOf(row.accountId, row.symbol), row)
  for (const row of batch.balances) memory.balanceStamps.set(keyOf(row.accountId, row.asset), row.sequence)
  for (const { event, realized } of batch.trades) if (event.kind === 'fill') memory.realized.set(event.executionId, realized)
  for (const oldest of memory.realized.keys()) {
    if (memory.realized.size <= 2 * Number(BUST_DISTANCE_MAX)) break
    memory.realized.delete(oldest)
  }
}

function reversedPnl(event: ExecutionEvent, inBatch: ReadonlyMap<string, bigint>, remembered: ReadonlyMap<string, bigint>): bigint {
  if (event.reverses === undefined) return 0n
  const realized = inBatch.get(event.reverses) ?? remembered.get(event.reverses)
  if (realized === undefined) throw new Error(`${event.executionId} reverses ${event.reverses}, of which nothing is known`)
  return realized
}
