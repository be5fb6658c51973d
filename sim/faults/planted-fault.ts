import { moneyText } from '../exchange/fixed-point.ts'
import type { LedgerTransaction } from '../exchange/ledger.ts'
import type { PositionRow } from '../exchange/sink-fold.ts'
import type { FaultName } from './catalogue.ts'
import type { HeldPosition } from './fold-view.ts'
import type { PlannedFault } from './planned-fault.ts'
import { type ComparedCheck, inKeyOrder, type PlantedDifference } from './planted-difference.ts'

/** What a fault does to one balance: PostgreSQL minus ClickHouse, exact canonical decimal text. */
export interface PlantedKey {
  readonly account_id: string
  readonly asset: string
  readonly difference: string
}

/** A fault as it was really committed, from the simulator's own knowledge and never from the checker's. */
export interface PlantedFault {
  readonly fault: FaultName
  /** The dropcopy event at which it began. */
  readonly event: bigint
  /** The balances that differ while the fault stands. Where two facts contradict each other, ClickHouse holds the sum of both. */
  readonly keys: readonly PlantedKey[]
  /** What each of these checks must find, in key order, while the fault stands and nothing has superseded it. */
  readonly differences: Readonly<Record<ComparedCheck, readonly PlantedDifference[]>>
  readonly transactionIds: readonly string[]
  /** The marks that are wrong, or that are missing, in the last mark cycle that was computed. */
  readonly marks: readonly PlantedMark[]
  /** What heals it, where something does. */
  readonly remedy?: Remedy
}

/** The key of a mark. */
export interface PlantedMark {
  readonly account_id: string
  readonly symbol: string
}

/** How a fault is healed: first the rows of ClickHouse that go, then those that come, then what is added to balances, and positions that are set straight. */
export interface Remedy {
  readonly deleteTransactionIds: readonly string[]
  readonly insertTransactions: readonly LedgerTransaction[]
  readonly balances: readonly BalanceRemedy[]
  /** The executions whose rows of positions go. */
  readonly deletePositions: readonly string[]
  readonly insertPositions: readonly PositionRow[]
  readonly positions: readonly PositionRemedy[]
}

/** What the row of a position in PostgreSQL must be; none, where it was made up. */
export type PositionRemedy = HeldPosition | Pick<HeldPosition, 'accountId' | 'symbol'>

/** What is added to a balance, as decimal text; the row is made where it is missing, and taken away where it was made up. */
export interface BalanceRemedy {
  readonly account_id: string
  readonly asset: string
  readonly add: string
  readonly remove?: boolean
}

/** A part of a planted fault, as the process that commits it reports it: one event's or one transfer's share. */
export interface PlantedPart {
  readonly fault: FaultName
  readonly event: bigint
  readonly sequence: bigint
  readonly differences: readonly KeyDifference[]
  readonly transactionIds: readonly string[]
  readonly deleteTransactionIds: readonly string[]
  readonly insertTransactions: readonly LedgerTransaction[]
  readonly balances: readonly BalanceRemedy[]
  readonly deletePositions?: readonly string[]
  readonly insertPositions?: readonly PositionRow[]
  readonly marks?: readonly PlantedMark[]
}

/** The report of a fault that changes no rows by itself, or whose differences are computed elsewhere. */
export function plainPart(fault: { readonly name: FaultName; readonly event: bigint }): PlantedPart {
  const nothing = { differences: [], transactionIds: [], deleteTransactionIds: [], insertTransactions: [], balances: [] }
  return { fault: fault.name, event: fault.event, sequence: fault.event, ...nothing }
}

/** PostgreSQL minus ClickHouse for one key, in units of 10^-18. */
export interface KeyDifference {
  readonly accountId: string
  readonly asset: string
  readonly units: bigint
  /** The side that has no row at all for the key. */
  readonly missing?: 'missing-left' | 'missing-right'
}

/** What a fault that reaches positions comes to. */
export interface ReplayedFault {
  readonly positionsMatch: readonly PlantedDifference[]
  readonly positionRealized: readonly PlantedDifference[]
  /** What the trade-engine and the sink add to balances, one minus the other. */
  readonly balances: readonly KeyDifference[]
  /** What PostgreSQL's rows of positions should be where they are not. */
  readonly remedies: readonly PositionRemedy[]
}

/** Puts the parts of one fault together: differences of a key add up, and those that come to nothing are left out. */
export function plantedFrom(fault: PlannedFault, parts: readonly PlantedPart[], replayed?: ReplayedFault): PlantedFault {
  const remedy: Remedy = {
    deleteTransactionIds: parts.flatMap(part => part.deleteTransactionIds),
    insertTransactions: parts.flatMap(part => part.insertTransactions),
    balances: parts.flatMap(part => part.balances),
    deletePositions: parts.flatMap(part => part.deletePositions ?? []),
    insertPositions: parts.flatMap(part => part.insertPositions ?? []),
    positions: replayed?.remedies ?? [],
  }
  const heals = Object.values(remedy).some(steps => steps.length > 0)
  const balances = summed(replayed?.balances ?? parts.flatMap(part => part.differences))
  return {
    fault: fault.name,
    event: fault.event,
    keys: balances.map(({ key, difference }) => ({ ...key, difference: difference.balance })),
    differences: {
      'transactions-balance': balances,
      'position-realized-pnls-balance': replayed?.positionRealized ?? [],
      'positions-match': replayed?.positionsMatch ?? [],
    },
    transactionIds: parts.flatMap(part => part.transactionIds),
    marks: parts.flatMap(part => part.marks ?? []),
    ...(heals ? { remedy } : {}),
  }
}

interface BalanceDifference extends PlantedDifference {
  readonly key: { readonly account_id: string; readonly asset: string }
  readonly difference: { readonly balance: string }
}

/** Sums differences by key and prints them, in the byte order of the keys; zero is no difference. */
function summed(differences: readonly KeyDifference[]): readonly BalanceDifference[] {
  const byKey = new Map<string, KeyDifference>()
  for (const difference of differences) {
    const key = JSON.stringify([difference.accountId, difference.asset])
    const sofar = byKey.get(key)
    byKey.set(key, sofar === undefined ? difference : { ...sofar, units: sofar.units + difference.units })
  }
  return inKeyOrder(
    [...byKey.values()]
      .filter(({ units }) => units !== 0n)
      .map(({ accountId, asset, units, missing }) => ({
        kind: missing ?? 'value',
        key: { account_id: accountId, asset },
        difference: { balance: moneyText(units) },
      })),
  )
}
