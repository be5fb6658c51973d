import { compare } from '../epoch/diff.ts'
import type { Epoch } from '../epoch/epoch.ts'
import type { Completeness, CountedRows, Horizon } from '../epoch/horizon.ts'
import type { AsOfLeg, DrainedRows, LegContext, Lines } from '../epoch/leg.ts'
import type { Comparison } from '../epoch/mismatch.ts'
import { StoreError } from '../epoch/store-error.ts'
import { judgeReading, type Reading, reachHorizon, startReading } from './answer.ts'
import { retrying } from './deadline.ts'
import type { Relation } from './relation.ts'
import type { RunRecord } from './run-record.ts'
import type { Scope } from './scope.ts'

/** What the as-of legs of a run are asked for, and until when they may take to show it. */
export interface AsOf {
  readonly legs: readonly AsOfLeg[]
  readonly epoch: Epoch
  readonly deadlineMs: number
}

/** One as-of leg being read. */
export interface LegReading {
  readonly leg: AsOfLeg
  readonly horizon: Horizon
  readonly reading: Reading
}

/** Waits for the horizon of every leg and starts to read it; settles when the first of each answer is there. */
export async function beginReading(asOf: AsOf, record: RunRecord, scope: Scope): Promise<readonly LegReading[]> {
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
export interface LegRead {
  readonly leg: AsOfLeg
  readonly horizon: Horizon
  readonly counted: CountedRows
}

/**
 * Compares; and where rows are missing that the watermarks vouch for, waits for them and compares again, until the deadline. What is
 * returned is compared all the same, so that the keys are named. A reading that says nothing is made again: one whose counts are of different
 * moments until the deadline, and one that summed repeated deliveries in any case.
 * Throws `StoreError`: `horizon-timeout` where no reading was of one moment.
 */
export async function compareUntilComplete(
  relation: Relation,
  asOf: AsOf,
  rows: DrainedRows | undefined,
  begun: readonly LegReading[],
  maxMismatches: number,
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
        compare(lines.left, lines.right, relation.shape, { maxMismatches, signal: scope.signal }),
      )
      return { comparison, legs: readings.map(({ leg, horizon, reading }) => ({ leg, horizon, counted: reading.counted() })) }
    })
    record.comparison = comparison
    record.horizons = legs
    const late = scope.clock.monotonicMs() >= asOf.deadlineMs
    const short = legs.find(leg => kindOf(leg) === 'short')
    if (short) {
      if (late || !(await hasChanged(short, asOf, record, scope))) return { comparison, legs }
    } else if (await haveAllSettled(legs, scope)) {
      return { comparison, legs }
    } else if (late && !legs.some(({ counted }) => counted.repeated)) {
      throw new StoreError('horizon', 'horizon-timeout', `${legs.map(wordsFor).join('; ')}, each time until the deadline`)
    }
  }
}

async function hasChanged({ leg, horizon, counted }: LegRead, { deadlineMs }: AsOf, record: RunRecord, scope: Scope): Promise<boolean> {
  return record.timed('wait', () => retrying(deadlineMs, scope, () => leg.awaitChange(horizon, counted, deadlineMs, scope)))
}

function wordsFor({ leg, horizon, counted }: LegRead): string {
  return judgeReading(leg, horizon, counted).words
}

function kindOf({ leg, horizon, counted }: LegRead): Completeness['kind'] {
  return judgeReading(leg, horizon, counted).completeness.kind
}

/**
 * Whether the counts are of one moment. Where the server gives no snapshot over the parts of a statement, a row that came in between shows as
 * fewer facts than addresses, or as more without any address that holds two.
 */
async function haveAllSettled(legs: readonly LegRead[], context: LegContext): Promise<boolean> {
  const settled = legs.map(async read => {
    const kind = kindOf(read)
    if (kind !== 'conflicting') return kind !== 'unsettled'
    return (await read.leg.findConflicts(read.horizon, 1, context)).length > 0
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
