import { createHash } from 'node:crypto'
import { canaryOf } from '../epoch/canary.ts'
import type { Clock } from '../epoch/clock.ts'
import type { Epoch } from '../epoch/epoch.ts'
import { ReconError } from '../epoch/recon-error.ts'
import { StoreError } from '../epoch/store-error.ts'
import type { Outcome } from '../epoch/verdict.ts'
import type { Check } from './check.ts'
import { retrying, withDeadline } from './deadline.ts'
import type { Run } from './run.ts'
import { RunRecord } from './run-record.ts'
import { withScope } from './scope.ts'

/** How a check is to be run. */
export interface RunOptions {
  /** The run's identity, unique and chosen by the caller. */
  readonly runId: string
  readonly clock: Clock
  /** Aborting it ends the run with inconclusive/cancelled. */
  readonly signal: AbortSignal
  /** Bound on the whole run; past it: inconclusive/statement-timeout. */
  readonly timeoutMs: number
  /** Bound on taking a cut that is not torn. */
  readonly captureTimeoutMs: number
  /** Bound on waiting for the other store to show everything up to the epoch. */
  readonly horizonTimeoutMs: number
  /** How many mismatches the run lists; all are counted. */
  readonly maxMismatches: number
  /** The greatest epoch that the runs finished before this one have seen; an epoch below it is a regression. */
  readonly seenBefore?: Epoch
}

/** The part of a run's time that may be spent waiting; the rest is for reading and judging, so that a loss is told as one and not as a time-out. */
const PATIENCE_SHARE = 0.75

/**
 * Runs a check once, at one epoch (design section 3). "Could not check" comes back as a verdict of its own; only a bug throws. When it settles, no
 * connection, transaction or query of it is left on any store.
 */
export async function runCheck(check: Check, options: RunOptions): Promise<Run> {
  const { clock } = options
  const record = new RunRecord(check.name, options.runId, check.strategy, clock)
  const canary = canaryOf(canaryKey(options.runId))
  try {
    const outcome = await withDeadline(check.name, options.timeoutMs, clock, options.signal, signal => {
      const startedMs = clock.monotonicMs()
      const captureDeadlineMs = startedMs + options.captureTimeoutMs
      const patienceEndsMs = startedMs + options.timeoutMs * PATIENCE_SHARE
      // A capture that breaks off half way, by a lost connection or a conflict on a standby, is taken anew, at an epoch of its own.
      return retrying(captureDeadlineMs, { signal, clock }, () =>
        withScope({ signal, clock }, record.couldNotRelease, scope => {
          record.restart()
          return check.attempt({ options, record, scope, canary, captureDeadlineMs, patienceEndsMs })
        }),
      )
    })
    return record.finish(outcome)
  } catch (error) {
    return record.finish(couldNotCheck(error, options.signal))
  }
}

/** A key that no real row has: another one for every run, and not to be guessed from what an account may be called. */
function canaryKey(runId: string): string {
  return `recon-canary-${createHash('sha256').update(runId).digest('hex').slice(0, 32)}`
}

/** The verdict of a run that broke off. What is neither the caller's doing nor a store's is a bug and goes on up. */
function couldNotCheck(error: unknown, caller: AbortSignal): Outcome {
  const cancelled = caller.aborted && (error === caller.reason || error instanceof ReconError)
  if (cancelled) return { verdict: 'inconclusive', reasonCode: 'cancelled', reason: 'the run was cancelled before it could finish' }
  if (error instanceof StoreError) return { verdict: 'inconclusive', reasonCode: error.reasonCode, reason: error.message }
  if (error instanceof ReconError) return { verdict: 'inconclusive', reasonCode: 'store-error', reason: error.message }
  throw error
}
