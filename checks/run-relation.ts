import type { Clock } from '../epoch/clock.ts'
import { compare } from '../epoch/diff.ts'
import type { Epoch } from '../epoch/epoch.ts'
import type { Completeness, CountedRows, Horizon } from '../epoch/horizon.ts'
import type { AsOfLeg, DrainedRows, LegContext, Lines } from '../epoch/leg.ts'
import type { Comparison } from '../epoch/mismatch.ts'
import { ReconError } from '../epoch/recon-error.ts'
import { StoreError } from '../epoch/store-error.ts'
import type { Outcome } from '../epoch/verdict.ts'
import { judgeReading, type Reading, reachHorizon, startReading } from './answer.ts'
import { retrying, withDeadline } from './deadline.ts'
import { judge, type LegFindings } from './judge.ts'
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

const CONFLICTS_LISTED_MAX = 10
/** The part of a run's time that may be spent waiting; the rest is for reading and judging, so that a loss is told as one and not as a time-out. */
const PATIENCE_SHARE = 0.75
/** How long a store may take to come back for the questions that follow the comparison; its deadline for the rows may be over by then. */
const AFTERTHOUGHT_MS = 5_000

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
  const { comparison, legs } = await compareUntilComplete(relation, asOf, rows, begun, options, record, scope)
  return judge(comparison, await findings(legs, comparison, record, scope))
}

/** What the as-of legs of a run are asked for, and until when they may take to show it. */
interface AsOf {
  readonly legs: readonly AsOfLeg[]
  readonly epoch: Epoch
  readonly deadlineMs: number
}

/** One as-of leg being read. */
interface LegReading {
  readonly leg: AsOfLeg
  readonly horizon: Horizon
  readonly reading: Reading
}

async function beginReading(asOf: AsOf, record: RunRecord, scope: Scope): Promise<readonly LegReading[]> {
  const { legs, epoch, deadlineMs } = asOf
  const horizons = await record.timed('wait', () =>
    Promise.all(legs.map(async leg => ({ leg, horizon: await reachHorizon(leg, epoch, deadlineMs, scope) }))),
  )
  record.horizons = horizons.map(({ horizon }) => ({ horizon }))
  const readings = horizons.map(({ leg, horizon }) => ({ leg, horizon, reading: startReading(leg, epoch, horizon, scope) }))
  await record.timed('read', () => Promise.all(readings.map(({ reading }) => reading.begun)))
  return readings
}

/** A leg that has been read to its end, with what was counted on the way. */
interface LegRead {
  readonly leg: AsOfLeg
  readonly horizon: Horizon
  readonly counted: CountedRows
}

/**
 * Compares; and where rows are missing that the watermarks vouch for, waits for them and compares again, until the deadline. What is
 * returned is compared all the same, so that the keys are named.
 */
async function compareUntilComplete(
  relation: Relation,
  asOf: AsOf,
  rows: DrainedRows | undefined,
  begun: readonly LegReading[],
  options: RunOptions,
  record: RunRecord,
  scope: Scope,
): Promise<{ readonly comparison: Comparison; readonly legs: readonly LegRead[] }> {
  let next: readonly LegReading[] | undefined = begun
  for (;;) {
    const { comparison, legs } = await retrying(asOf.deadlineMs, scope, async () => {
      const readings = next ?? begun.map(({ leg, horizon }) => ({ leg, horizon, reading: startReading(leg, asOf.epoch, horizon, scope) }))
      next = undefined
      record.readings++
      const lines = linesOf(relation, rows, readings)
      const comparison = await record.timed('compare', () =>
        compare(lines.left, lines.right, relation.shape, { maxMismatches: options.maxMismatches, signal: scope.signal }),
      )
      return { comparison, legs: readings.map(({ leg, horizon, reading }) => ({ leg, horizon, counted: reading.counted() })) }
    })
    record.comparison = comparison
    record.horizons = legs
    const late = scope.clock.monotonicMs() >= asOf.deadlineMs
    if (late) return { comparison, legs }
    const short = legs.find(leg => kindOf(leg) === 'short')
    if (short) {
      const { leg, horizon, counted } = short
      const look = () => leg.awaitChange(horizon, counted, asOf.deadlineMs, scope)
      const changed = await record.timed('wait', () => retrying(asOf.deadlineMs, scope, look))
      if (!changed) return { comparison, legs }
    } else if (await haveAllSettled(legs, asOf.deadlineMs, scope)) {
      return { comparison, legs }
    }
  }
}

function kindOf({ leg, horizon, counted }: LegRead): Completeness['kind'] {
  return judgeReading(leg, horizon, counted).completeness.kind
}

/**
 * Whether the counts are of one moment. Where the server gives no snapshot over the parts of a statement, a row that came in between shows as
 * fewer facts than addresses, or as more without any address that holds two.
 */
async function haveAllSettled(legs: readonly LegRead[], deadlineMs: number, context: LegContext): Promise<boolean> {
  const settled = legs.map(async read => {
    const kind = kindOf(read)
    if (kind !== 'conflicting') return kind !== 'unsettled'
    const conflicts = await retrying(deadlineMs, context, () => read.leg.findConflicts(read.horizon, 1, context))
    return conflicts.length > 0
  })
  return (await Promise.all(settled)).every(Boolean)
}

function linesOf(
  relation: Relation,
  rows: DrainedRows | undefined,
  readings: readonly LegReading[],
): { readonly left: Lines; readonly right: Lines } {
  const linesFor = (side: Relation['left']): Lines => {
    const lines = side.kind === 'snapshot' ? rows?.lines() : readings.find(({ leg }) => leg === side)?.reading.lines
    if (!lines) throw new Error(`no rows were read for a leg of ${relation.name}`)
    return lines
  }
  return { left: linesFor(relation.left), right: linesFor(relation.right) }
}

/** Gathers what the verdict needs beside the comparison; only a run that is not plainly balanced pays for it. */
async function findings(
  legs: readonly LegRead[],
  comparison: Comparison,
  record: RunRecord,
  context: LegContext,
): Promise<readonly LegFindings[]> {
  const judged = legs.map(({ leg, horizon, counted }) => ({ leg, horizon, ...judgeReading(leg, horizon, counted) }))
  const suspicious = comparison.mismatchCount > 0n || judged.some(({ completeness }) => completeness.kind !== 'complete')
  const deadlineMs = context.clock.monotonicMs() + AFTERTHOUGHT_MS
  const ask = <T>(question: () => Promise<T>) => retrying(deadlineMs, context, question)
  const found = await Promise.all(
    judged.map(async ({ leg, horizon, completeness, words }) => ({
      completeness,
      words,
      caughtUp: completeness.kind !== 'short' || (await ask(() => leg.isCaughtUp(context))),
      conflicts: suspicious ? await orElse([], () => ask(() => leg.findConflicts(horizon, CONFLICTS_LISTED_MAX, context))) : [],
    })),
  )
  record.conflicts = found.flatMap(({ conflicts }) => conflicts)
  return found
}

/** Conflicts only sharpen the reason of a difference: a store that cannot name them any more must not turn the difference into a shrug. */
async function orElse<T>(otherwise: T, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (error instanceof StoreError) return otherwise
    throw error
  }
}

/** The verdict of a run that broke off. What is neither the caller's doing nor a store's is a bug and goes on up. */
function couldNotCheck(error: unknown, caller: AbortSignal): Outcome {
  const cancelled = caller.aborted && (error === caller.reason || error instanceof ReconError)
  if (cancelled) return { verdict: 'inconclusive', reasonCode: 'cancelled', reason: 'the run was cancelled before it could finish' }
  if (error instanceof StoreError) return { verdict: 'inconclusive', reasonCode: error.reasonCode, reason: error.message }
  if (error instanceof ReconError) return { verdict: 'inconclusive', reasonCode: 'store-error', reason: error.message }
  throw error
}
