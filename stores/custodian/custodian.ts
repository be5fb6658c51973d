import type { LegContext } from '../../epoch/leg.ts'

/** What a custodian holds of one asset in one vault, all of its wallets together. */
export interface CustodianBalance {
  readonly vault: string
  readonly asset: string
  /** Exact decimal text; what the vault holds, without what is still on its way. */
  readonly total: string
}

/** What a movement does to the custody of its asset: `internal` moves it between vaults, `other` is a type that the configuration may classify. */
export type MovementKind = 'deposit' | 'withdrawal' | 'internal' | 'other'

/** Whether a movement has moved money (`success`), may still (`pending`), or never will (`failed`: failed, rejected, expired). */
export type MovementState = 'pending' | 'success' | 'failed'

/** One transaction of a custodian, in words that are not its own. */
export interface CustodianMovement {
  readonly id: string
  readonly vault: string
  readonly kind: MovementKind
  /** The custodian's own word for its type, as `STAKING_REWARD`. */
  readonly type: string
  readonly state: MovementState
  /** The custodian's own word for its status, as `NEEDS_APPROVAL`. */
  readonly status: string
  readonly asset: string
  /** Exact decimal text, not negative; the kind says which way it goes. */
  readonly amount: string
  /** The network fee, exact decimal text; it leaves the vault on top of the amount, in `feeAsset`. */
  readonly fee: string
  readonly feeAsset: string
  /** What ties it to a transfer of the exchange, beside its id. */
  readonly description: string
  /** When it reached its end state, ISO 8601; null until then. */
  readonly endedAt: string | null
}

/** Which movements need not be listed again: every one at and behind `id` in the custodian's list of that vault, newest first, is final and summed. */
export interface SettledBoundary {
  readonly vault: string
  readonly id: string
}

/**
 * A custodian as recon reads it: two answers of one moment each, never both of the same. All methods reject with `StoreError`: `store-unreachable` (no
 * answer, rate limit up to the deadline), `permission-denied` (refused key or signature), `store-error` (an answer that makes no sense, naming the field; a list
 * that ends without the settled boundary).
 */
export interface Custodian {
  /** How messages and evidence call it, as `custodian`. */
  readonly store: string
  readonly vaults: readonly string[]
  balances(deadlineMs: number, context: LegContext): Promise<readonly CustodianBalance[]>
  /** Every movement of all vaults, newest first in each, up to (and without) the settled boundary of its vault; each id once. */
  movements(settled: readonly SettledBoundary[], deadlineMs: number, context: LegContext): Promise<readonly CustodianMovement[]>
  close(): Promise<void>
}
