import type { Dropcopy } from '../exchange/dropcopy.ts'
import { isExecution } from '../exchange/dropcopy-event.ts'
import { keyOf } from '../exchange/engine-batch.ts'
import type { Position } from '../exchange/fold.ts'
import type { LedgerTransaction } from '../exchange/ledger.ts'
import type { FaultName } from './catalogue.ts'
import { engineIgnores, engineLeavesPosition } from './engine-faults.ts'
import { type HeldPosition, openFoldView } from './fold-view.ts'
import { executions, type PlannedFault } from './planned-fault.ts'
import { differencesOf, type Sides, type Units } from './planted-difference.ts'
import type { KeyDifference, PositionRemedy, ReplayedFault } from './planted-fault.ts'
import { distortPositions } from './position-faults.ts'
import { distortTransactions, sinkIgnores } from './sink-faults.ts'
import { PHANTOM_ACCOUNT, PHANTOM_SYMBOL } from './store-faults.ts'

/**
 * Whoever folds an execution otherwise holds another position from then on, and realizes other amounts whenever it closes: the difference is not the fault's own
 * amounts. So both stores are folded from the beginning up to dropcopy sequence `through`, for the accounts that are concerned: the simulator's own knowledge of
 * what was written, in which no checker has a part.
 */
export function replayFault(dropcopy: Dropcopy, fault: PlannedFault, through: bigint): ReplayedFault {
  if (through < fault.event) return { positionsMatch: [], positionRealized: [], balances: [], remedies: [] }
  const concerned = new Set(
    dropcopy
      .between(fault.event - 1n, fault.event + 1n)
      .filter(isExecution)
      .map(side => side.accountId),
  )
  const [engine, sink] = [openFoldView(), openFoldView()]
  const [booked, written] = [[] as LedgerTransaction[], new Set<LedgerTransaction>()]
  const history = new Map<string, HeldPosition>()
  for (const event of executions(dropcopy, 0n, through)) {
    const { accountId, symbol, sequence } = event
    if (!concerned.has(accountId)) continue
    if (!engineIgnores([fault], sequence)) booked.push(...engine.fold(event, engineLeavesPosition([fault], sequence)).transactions)
    if (sinkIgnores([fault], sequence)) continue
    const { position, transactions } = sink.fold(event)
    const rows = distortTransactions([fault], 'dropcopy', sequence, transactions)
    for (const row of [...rows.write, ...rows.late]) written.add(row)
    const { write, late } = distortPositions([fault], sequence, [{ event, position }])
    for (const row of [...write, ...late]) history.set(keyOf(accountId, symbol), { accountId, symbol, position: row.position, sequence })
  }
  const state = new Map(engine.positions)
  if (fault.position) state.delete(keyOf(fault.position.accountId, fault.position.symbol))
  if (fault.name === 'phantom-position') state.set(keyOf(PHANTOM_ACCOUNT, PHANTOM_SYMBOL), phantom(fault))
  return {
    positionsMatch: differencesOf(pairs(state, history, valuesOf), false),
    positionRealized: differencesOf(pairs(history, realizedBy([...written]), valueOfRealized), true),
    balances: [...balancesOf(booked, 1n), ...balancesOf([...written], -1n)],
    remedies: remediesFor(state, sink.positions),
  }
}

/** Whether a fault may reach positions or realized PnL, so that it must be replayed; the others touch neither. */
export function reachesPositions(name: FaultName): boolean {
  return /position|^bust-dropped|realized-pnl|^wrong-(symbol|kind)$/.test(name)
}

interface Held<T> {
  readonly accountId: string
  readonly symbol: string
  readonly position: T
}

function pairs<T>(
  left: ReadonlyMap<string, Held<T>>,
  right: ReadonlyMap<string, Held<T>>,
  values: (position: T) => Units,
): readonly Sides[] {
  return [...new Map([...left, ...right])].map(([key, { accountId, symbol }]) => {
    const [ours, theirs] = [left.get(key), right.get(key)]
    return {
      key: { account_id: accountId, symbol },
      left: ours && values(ours.position),
      right: theirs && values(theirs.position),
    }
  })
}

function valuesOf({ quantity, costBasis, realizedPnl }: Position): Units {
  // Quantities count in units of 10^-9.
  return { quantity: quantity * 1_000_000_000n, cost_basis: costBasis, realized_pnl: realizedPnl }
}

function valueOfRealized({ realizedPnl }: Pick<Position, 'realizedPnl'>): Units {
  return { realized_pnl: realizedPnl }
}

function realizedBy(rows: readonly LedgerTransaction[]): ReadonlyMap<string, Held<Pick<Position, 'realizedPnl'>>> {
  const sums = new Map<string, Held<Pick<Position, 'realizedPnl'>>>()
  for (const { kind, accountId, symbol, amount } of rows) {
    if (kind !== 'realized_pnl') continue
    const key = keyOf(accountId, symbol)
    sums.set(key, { accountId, symbol, position: { realizedPnl: (sums.get(key)?.position.realizedPnl ?? 0n) + amount } })
  }
  return sums
}

function balancesOf(rows: readonly LedgerTransaction[], sign: bigint): KeyDifference[] {
  return rows.map(({ accountId, asset, amount }) => ({ accountId, asset, units: sign * amount }))
}

/** What makes PostgreSQL's rows those that a fold without the fault leads to. */
function remediesFor(state: ReadonlyMap<string, HeldPosition>, right: ReadonlyMap<string, HeldPosition>): PositionRemedy[] {
  const wrong = [...right].filter(([key, { sequence }]) => state.get(key)?.sequence !== sequence).map(([, held]) => held)
  const extra = [...state].filter(([key]) => !right.has(key)).map(([, { accountId, symbol }]) => ({ accountId, symbol }))
  return [...wrong, ...extra]
}

function phantom({ event }: PlannedFault): HeldPosition {
  return {
    accountId: PHANTOM_ACCOUNT,
    symbol: PHANTOM_SYMBOL,
    position: { quantity: 0n, costBasis: 0n, realizedPnl: 0n },
    sequence: event,
  }
}
