import type { Canary } from '../epoch/canary.ts'
import type { Horizon } from '../epoch/horizon.ts'
import type { AsOfLeg } from '../epoch/leg.ts'
import type { Outcome } from '../epoch/verdict.ts'
import type { RunOptions } from './run-check.ts'
import type { RunRecord } from './run-record.ts'
import type { Scope } from './scope.ts'

/** Something that can be checked at one epoch while the stores are written. A relation is one (`relationCheck`); others arrange the same steps themselves. */
export interface Check {
  readonly name: string
  /** What it proves, in one sentence. */
  readonly description: string
  /** How it knows that the other store shows everything up to the epoch; null where it waits for none. */
  readonly strategy: Horizon['strategy'] | null
  /**
   * Checks once and leaves the evidence in the record. Rejects with `StoreError` where it could not; is called again where that is retryable. Everything that it
   * opens belongs to the scope.
   */
  attempt(attempt: Attempt): Promise<Outcome>
  /** The legs that can keep what a balanced run of it verified. */
  readonly histories?: readonly AsOfLeg[]
}

/** What one attempt is given. Both deadlines are on the clock's monotonic time, in milliseconds. */
export interface Attempt {
  readonly options: RunOptions
  readonly record: RunRecord
  readonly scope: Scope
  /** What the legs must carry, and the comparison must find. */
  readonly canary: Canary
  /** Until when captures may be taken. */
  readonly captureDeadlineMs: number
  /** Until when anything may be waited for; the rest of the run's time is for reading and judging. */
  readonly patienceEndsMs: number
}
