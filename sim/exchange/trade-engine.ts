import type { Client } from 'pg'
import { distortBalances, engineIgnores, engineLeavesPosition, haltingFault } from '../faults/engine-faults.ts'
import type { PlannedFault } from '../faults/planned-fault.ts'
import { type PlantedPart, plainPart } from '../faults/planted-fault.ts'
import type { Dropcopy } from './dropcopy.ts'
import type { DropcopyEvent } from './dropcopy-event.ts'
import { type EngineMemory, foldBatch, keepBatch, keysOf } from './engine-batch.ts'
import { loadBalanceStamps, loadPositions, loadRealized, readToken, writeState, writeToken, writeTrades } from './engine-store.ts'
import type { LedgerTransaction } from './ledger.ts'

/** The trade-engine: folds the dropcopy into PostgreSQL, a batch at a time, in three commits. */
export interface TradeEngine {
  /** The resume token's sequence: everything up to it is folded. */
  readonly token: () => bigint
  /** True when a fault has stopped it for good. */
  readonly halted: () => boolean
  /** Folds all events up to `through`, which is above the token. */
  readonly foldThrough: (through: bigint) => Promise<void>
}

/**
 * What the engine is told to do differently. `report` hears of each fault before it is committed, so that an engine which dies in the middle has told;
 * `afterStep` runs after each of the first two commits of a batch.
 */
export interface EngineOptions {
  readonly faults: () => readonly PlannedFault[]
  readonly report: (part: PlantedPart) => void
  readonly afterStep: (step: 'after-trades' | 'after-state') => void
}

/**
 * Opens the engine where its resume token stands. What an engine that died left behind above the token is recognised row by row: a position, or a
 * balance, takes only events above its stamp, and a trade is keyed by its execution.
 */
export async function openTradeEngine(client: Client, dropcopy: Dropcopy, options: EngineOptions): Promise<TradeEngine> {
  const memory: EngineMemory = { positions: new Map(), balanceStamps: new Map(), realized: new Map() }
  let token = await readToken(client)
  let halted = false

  const foldThrough = async (through: bigint) => {
    const faults = options.faults()
    const events = dropcopy.between(token, through).filter(event => !engineIgnores(faults, event.sequence))
    await recall(client, memory, events)
    const distort = (event: DropcopyEvent, transactions: readonly LedgerTransaction[]) => distortBalances(faults, event, transactions)
    const batch = foldBatch(memory, events, distort, sequence => engineLeavesPosition(faults, sequence))
    const halting = haltingFault(faults, token, through)
    for (const part of [...batch.planted, ...unreported(faults, token, through), ...halts(halting)]) options.report(part)
    await writeTrades(client, batch.trades)
    options.afterStep('after-trades')
    await writeState(client, batch)
    options.afterStep('after-state')
    keepBatch(memory, batch)
    if (halting === undefined) await writeToken(client, through)
    if (halting?.name === 'token-regressed') {
      await writeToken(client, through)
      // Half way back: below what any check of the last minutes has seen.
      await writeToken(client, halting.event / 2n)
    }
    halted = halting !== undefined
    token = through
  }
  return { token: () => token, halted: () => halted, foldThrough }
}

/** Loads what the batch needs and the engine does not remember. */
async function recall(client: Client, memory: EngineMemory, events: readonly DropcopyEvent[]): Promise<void> {
  const wanted = keysOf(memory, events)
  for (const [key, row] of await loadPositions(client, wanted.positions)) memory.positions.set(key, row)
  for (const [key, stamp] of await loadBalanceStamps(client, wanted.balances)) memory.balanceStamps.set(key, stamp)
  for (const [executionId, realized] of await loadRealized(client, wanted.reversed)) memory.realized.set(executionId, realized)
}

/** The faults of what is not done: busts that are dropped, and positions that are left as they were. */
function unreported(faults: readonly PlannedFault[], after: bigint, through: bigint): PlantedPart[] {
  return faults
    .filter(({ event }) => event > after && event <= through && (engineIgnores(faults, event) || engineLeavesPosition(faults, event)))
    .map(plainPart)
}

function halts(fault: PlannedFault | undefined): PlantedPart[] {
  return fault === undefined ? [] : [plainPart(fault)]
}
