import type { CustodianMovement, SettledBoundary } from '../custodian/custodian.ts'

/** Cumulative amounts of settled movements by class, exact decimal text by asset; `classified` is signed. */
export interface SettledSums {
  readonly deposits: Readonly<Record<string, string>>
  readonly withdrawals: Readonly<Record<string, string>>
  readonly fees: Readonly<Record<string, string>>
  readonly classified: Readonly<Record<string, string>>
}

/** Nothing is settled yet. */
export const NOTHING_SETTLED: SettledSums = { deposits: {}, withdrawals: {}, fees: {}, classified: {} }

/** A transfer of the books that is settled: the row of the cash stream as it was. */
export interface SettledTransfer {
  readonly transferId: string
  readonly sequence: bigint
  readonly asset: string
  readonly direction: 'deposit' | 'withdrawal'
  /** Exact decimal text. */
  readonly amount: string
  readonly reference: string
  /** Milliseconds since 1970. */
  readonly createdAtMs: number
}

/** How far the history of a custodian is settled, in the era in which that was read. */
export interface SettledHead {
  readonly era: bigint
  /** Grows by one with each advance; 0 where nothing is settled. */
  readonly version: bigint
  /** Each movement at or behind the boundary of its vault is settled. */
  readonly boundaries: readonly SettledBoundary[]
  /** Each transfer at or below it in the cash stream is settled. */
  readonly sequence: bigint
  readonly sums: SettledSums
}

/** How to advance: the new boundaries, sequence and sums, and what is settled now and was not before. */
export interface SettledAdvance extends Pick<SettledHead, 'boundaries' | 'sequence' | 'sums'> {
  readonly movements: readonly CustodianMovement[]
  readonly transfers: readonly SettledTransfer[]
}

/** Which settled items to find: movements with one of the references as id or description, transfers with one as theirs, transfers by their ids. */
export interface SettledKeys {
  readonly references: readonly string[]
  readonly transferIds: readonly string[]
}

/** Settled items. */
export interface SettledItems {
  readonly movements: readonly CustodianMovement[]
  readonly transfers: readonly SettledTransfer[]
}

/** A contradiction in the custodian's answer, and since when it has been there in exactly this amount. */
export interface StandingGap {
  readonly asset: string
  /** Exact decimal text. */
  readonly amount: string
  /** Milliseconds since 1970. */
  readonly sinceMs: number
}
