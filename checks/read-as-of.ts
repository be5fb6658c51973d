import type { CanaryRow } from '../epoch/canary.ts'
import type { Epoch } from '../epoch/epoch.ts'
import type { Completeness, CountedRows, Horizon } from '../epoch/horizon.ts'
import type { AsOfLeg, LegContext } from '../epoch/leg.ts'
import { StoreError } from '../epoch/store-error.ts'
import { judgeReading, type Reading, reachHorizon, startReading } from './answer.ts'
import { retrying } from './deadline.ts'
import type { RunRecord } from './run-record.ts'
import type { Scope } from './scope.ts'

/** What the as-of legs of a run are asked for, and until when they may take to show it. */
export interface AsOf {
  readonly legs: readonly { readonly leg: AsOfLeg; readonly canary: CanaryRow }[]
  readonly epoch: Epoch
  readonly deadlineMs: number
}

/** One as-of leg being read. */
export interface LegReading {
  readonly leg: AsOfLeg
  readonly canary: CanaryRow
  readonly horizon: Horizon
  readonly reading: Reading
}

/** Waits for the horizon of every leg and starts to read it; settles when the first of each answer is there. */
export async function beginReading(asOf: AsOf, record: RunRecord, scope: Scope): Promise<readonly LegReading[]> {
  const { legs, epoch, deadlineMs } = asOf
  const horizons = await record.timed('wait', () =>
    Promise.all(legs.map(async ({ leg, canary }) => ({ leg, canary, horizon: await reachHorizon(leg, epoch, deadlineMs, scope) }))),
  )
  record.horizons = horizons.map(({ horizon }) => ({ horizon }))
  const readings = horizons.map(each => startAgain(each, epoch, scope))
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
 * Has `consume` read the legs to their ends; and where rows are missing that the watermarks vouch for, waits for them and has it read again, until the
 * deadline. What is short by then is returned all the same, so that the keys are named. A reading that says nothing is made again: one whose counts are
 * of different moments until the deadline, and one that summed repeated deliveries in any case.
 * Throws `StoreError`: `horizon-timeout` where no reading was of one moment.
 */
export async function readUntilComplete<T>(
  asOf: AsOf,
  begun: readonly LegReading[],
  record: RunRecord,
  scope: Scope,
  consume: (readings: readonly LegReading[]) => Promise<T>,
): Promise<{ readonly result: T; readonly legs: readonly LegRead[] }> {
  let next: readonly LegReading[] | undefined = begun
  for (;;) {
    const { result, legs } = await retrying(asOf.deadlineMs, scope, async () => {
      const readings = next ?? begun.map(each => startAgain(each, asOf.epoch, scope))
      next = undefined
      record.readings++
      const result = await consume(readings)
      return { result, legs: readings.map(({ leg, horizon, reading }) => ({ leg, horizon, counted: reading.counted() })) }
    })
    record.horizons = legs
    const late = scope.clock.monotonicMs() >= asOf.deadlineMs
    const short = legs.find(leg => kindOf(leg) === 'short')
    if (short) {
      if (late || !(await hasChanged(short, asOf, record, scope))) return { result, legs }
    } else if (await haveAllSettled(legs, scope)) {
      return { result, legs }
    } else if (late && !legs.some(({ counted }) => counted.repeated)) {
      throw new StoreError('horizon', 'horizon-timeout', `${legs.map(wordsFor).join('; ')}, each time until the deadline`)
    }
  }
}

function startAgain({ leg, canary, horizon }: Omit<LegReading, 'reading'>, epoch: Epoch, scope: Scope): LegReading {
  return { leg, canary, horizon, reading: startReading(leg, epoch, horizon, canary, scope) }
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
