import { moneyText } from '../exchange/fixed-point.ts'
import type { LedgerTransaction } from '../exchange/ledger.ts'
import type { FaultName } from './catalogue.ts'

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
  /** The keys that differ while the fault stands. Where two facts contradict each other, ClickHouse holds the sum of both. */
  readonly keys: readonly PlantedKey[]
  readonly transactionIds: readonly string[]
  /** What heals it, where something does. */
  readonly remedy?: Remedy
}

/** How a fault is healed: first the transactions that go, then those that come, then what is added to balances. */
export interface Remedy {
  readonly deleteTransactionIds: readonly string[]
  readonly insertTransactions: readonly LedgerTransaction[]
  readonly balances: readonly BalanceRemedy[]
}

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
}

/** Puts the parts of one fault together: differences of a key add up, and those that come to nothing are left out. */
export function plantedFrom(parts: readonly PlantedPart[]): PlantedFault | undefined {
  const [first] = parts
  if (first === undefined) return undefined
  const remedy = {
    deleteTransactionIds: parts.flatMap(part => part.deleteTransactionIds),
    insertTransactions: parts.flatMap(part => part.insertTransactions),
    balances: parts.flatMap(part => part.balances),
  }
  const heals = Object.values(remedy).some(steps => steps.length > 0)
  return {
    fault: first.fault,
    event: first.event,
    keys: plantedKeys(parts.flatMap(part => part.differences)),
    transactionIds: parts.flatMap(part => part.transactionIds),
    ...(heals ? { remedy } : {}),
  }
}

/** Sums differences by key and prints them, in the byte order of the keys; zero is no difference. */
export function plantedKeys(differences: readonly KeyDifference[]): readonly PlantedKey[] {
  const byKey = new Map<string, KeyDifference>()
  for (const difference of differences) {
    const key = JSON.stringify([difference.accountId, difference.asset])
    const sofar = byKey.get(key)
    byKey.set(key, sofar === undefined ? difference : { ...sofar, units: sofar.units + difference.units })
  }
  return [...byKey.values()]
    .filter(({ units }) => units !== 0n)
    .sort(
      (a, b) =>
        Buffer.compare(Buffer.from(a.accountId), Buffer.from(b.accountId)) || Buffer.compare(Buffer.from(a.asset), Buffer.from(b.asset)),
    )
    .map(({ accountId, asset, units }) => ({ account_id: accountId, asset, difference: moneyText(units) }))
}
