import type { PlannedFault } from '../faults/planned-fault.ts'
import { type PlantedPart, plainPart } from '../faults/planted-fault.ts'
import { distortPositions } from '../faults/position-faults.ts'
import { distortTransactions, sinkIgnores } from '../faults/sink-faults.ts'
import { type DropcopyEvent, type ExecutionEvent, isExecution } from './dropcopy-event.ts'
import { BUST_DISTANCE_MAX } from './dropcopy-layout.ts'
import { keyOf } from './engine-batch.ts'
import type { Position } from './fold.ts'
import { allocationTransactions, foldExecution, type LedgerTransaction } from './ledger.ts'

/** What the sink carries from event to event; its own, and never the trade-engine's. */
export interface SinkMemory {
  /** By `keyOf` account and symbol. */
  readonly positions: {
    readonly get: (key: string) => Position | undefined
    readonly set: (key: string, position: Position) => void
    readonly entries: () => Iterable<readonly [string, Position]>
  }
  /** What recent executions realized, for the busts that reverse them. */
  readonly realized: Map<string, bigint>
}

/** A row of ClickHouse's `positions`: a position after an execution. */
export interface PositionRow {
  readonly event: ExecutionEvent
  readonly position: Position
}

/** What one event or transfer comes to. */
export interface SinkRows {
  readonly transactions: readonly LedgerTransaction[]
  readonly lateTransactions: readonly LedgerTransaction[]
  readonly positions: readonly PositionRow[]
  readonly latePositions: readonly PositionRow[]
  /** How many distinct rows the watermarks count for it. */
  readonly transactionsCounted: number
  readonly positionsCounted: number
  readonly planted: readonly PlantedPart[]
}

const noRows: SinkRows = {
  transactions: [],
  lateTransactions: [],
  positions: [],
  latePositions: [],
  transactionsCounted: 0,
  positionsCounted: 0,
  planted: [],
}

/** Folds the next dropcopy event into the sink's memory and makes its rows. */
export function foldIntoRows(memory: SinkMemory, event: DropcopyEvent, faults: readonly PlannedFault[]): SinkRows {
  if (sinkIgnores(faults, event.sequence)) {
    const planted = faults.filter(fault => fault.name === 'bust-dropped-by-sink' && fault.event === event.sequence).map(plainPart)
    return { ...noRows, planted }
  }
  if (!isExecution(event)) return rowsOf(allocationTransactions(event), 'dropcopy', event.sequence, [], faults)
  const key = keyOf(event.accountId, event.symbol)
  const effect = foldExecution(event, memory.positions.get(key), reversedPnl(memory, event))
  memory.positions.set(key, effect.position)
  if (event.kind === 'fill') memory.realized.set(event.executionId, effect.realized)
  for (const oldest of memory.realized.keys()) {
    if (memory.realized.size <= 2 * Number(BUST_DISTANCE_MAX)) break
    memory.realized.delete(oldest)
  }
  return rowsOf(effect.transactions, 'dropcopy', event.sequence, [{ event, position: effect.position }], faults)
}

/** Makes the rows of a transfer. */
export function transferRows(transaction: LedgerTransaction, faults: readonly PlannedFault[]): SinkRows {
  return rowsOf([transaction], 'cash', transaction.sequence, [], faults)
}

function rowsOf(
  transactions: readonly LedgerTransaction[],
  stream: LedgerTransaction['stream'],
  sequence: bigint,
  positions: readonly PositionRow[],
  faults: readonly PlannedFault[],
): SinkRows {
  const { write, late, counted, planted } = distortTransactions(faults, stream, sequence, transactions)
  const held = stream === 'dropcopy' ? distortPositions(faults, sequence, positions) : { write: [], late: [], planted: [] }
  return {
    transactions: write,
    lateTransactions: late,
    positions: held.write,
    latePositions: held.late,
    transactionsCounted: counted,
    positionsCounted: positions.length,
    planted: [...planted, ...held.planted],
  }
}

function reversedPnl(memory: SinkMemory, event: ExecutionEvent): bigint {
  if (event.reverses === undefined) return 0n
  const realized = memory.realized.get(event.reverses)
  if (realized === undefined) throw new Error(`${event.executionId} reverses ${event.reverses}, of which the sink knows nothing`)
  return realized
}
