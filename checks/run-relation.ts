import type { Clock } from '../epoch/clock.ts'
import type { Epoch } from '../epoch/epoch.ts'
import { ReconError } from '../epoch/recon-error.ts'
import { StoreError } from '../epoch/store-error.ts'
import type { Outcome } from '../epoch/verdict.ts'
import { type AsOf, beginReading, compareUntilComplete } from './compare-as-of.ts'
import { retrying, withDeadline } from './deadline.ts'
import { gatherFindings } from './findings.ts'
import { judge } from './judge.ts'
import { pin } from './pin.ts'
import { asOfLegsOf, type Relation } from './relation.ts'
import type { Run } from './run.ts'
import { RunRecord } from './run-record.ts'
import { type Scope, withScope } from './scope.ts'

/** How a relation is to be run. */
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
 * The primitive: compares the two legs of a relation at one epoch, exactly, while both stores are written (design section 3): capture, prove
 * that the cut is whole, wait for the horizon, read as of the epoch, compare. "Could not check" comes back as a verdict of its own; only a
 * bug throws. When it settles, no connection, transaction or query of it is left on any store.
 */
export async function runRelation(relation: Relation, options: RunOptions): Promise<Run> {
  const { clock } = options
  const record = new RunRecord(relation.name, options.runId, asOfLegsOf(relation)[0]?.strategy ?? null, clock)
  try {
    const outcome = await withDeadline(relation.name, options.timeoutMs, clock, options.signal, signal => {
      const startedMs = clock.monotonicMs()
      const captureDeadlineMs = startedMs + options.captureTimeoutMs
      const patienceEndsMs = startedMs + options.timeoutMs * PATIENCE_SHARE
      // A capture that breaks off half way, by a lost connection or a conflict on a standby, is taken anew, at an epoch of its own.
      return retrying(captureDeadlineMs, { signal, clock }, () =>
        withScope({ signal, clock }, record.couldNotRelease, scope =>
          checkOnce(relation, options, record, { captureDeadlineMs, patienceEndsMs }, scope),
        ),
      )
    })
    return record.finish(outcome)
  } catch (error) {
    return record.finish(couldNotCheck(error, options.signal))
  }
}

/** Until when a run may take captures, and until when it may wait for anything, on the clock's monotonic time. */
interface Bounds {
  readonly captureDeadlineMs: number
  readonly patienceEndsMs: number
}

async function checkOnce(relation: Relation, options: RunOptions, record: RunRecord, bounds: Bounds, scope: Scope): Promise<Outcome> {
  record.restart()
  const pinned = await pin(relation, options.seenBefore ?? {}, bounds.captureDeadlineMs, record, scope)
  if ('verdict' in pinned) return pinned
  const deadlineMs = Math.min(scope.clock.monotonicMs() + options.horizonTimeoutMs, bounds.patienceEndsMs)
  const asOf: AsOf = { legs: asOfLegsOf(relation), epoch: pinned.epoch, deadlineMs }
  // The other leg's wait and read begin while the rows still drain: neither slows the other, and the merge needs both.
  const reading = beginReading(asOf, record, scope)
  scope.defer(() => Promise.allSettled([reading]))
  const [rows, begun] = await Promise.all([pinned.rows, reading])
  const { comparison, legs } = await compareUntilComplete(relation, asOf, rows, begun, options.maxMismatches, record, scope)
  if (comparison.keysCompared === 0n) record.warn('neither side holds any key as of this epoch: nothing was compared')
  return judge(comparison, await gatherFindings(legs, comparison, record, scope))
}

/** The verdict of a run that broke off. What is neither the caller's doing nor a store's is a bug and goes on up. */
function couldNotCheck(error: unknown, caller: AbortSignal): Outcome {
  const cancelled = caller.aborted && (error === caller.reason || error instanceof ReconError)
  if (cancelled) return { verdict: 'inconclusive', reasonCode: 'cancelled', reason: 'the run was cancelled before it could finish' }
  if (error instanceof StoreError) return { verdict: 'inconclusive', reasonCode: error.reasonCode, reason: error.message }
  if (error instanceof ReconError) return { verdict: 'inconclusive', reasonCode: 'store-error', reason: error.message }
  throw error
}
