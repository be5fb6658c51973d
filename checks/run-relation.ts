import type { Canary } from '../epoch/canary.ts'
import { compare } from '../epoch/diff.ts'
import type { DrainedRows, Lines } from '../epoch/leg.ts'
import type { Comparison } from '../epoch/mismatch.ts'
import type { Outcome } from '../epoch/verdict.ts'
import type { Attempt, Check } from './check.ts'
import { gatherFindings } from './findings.ts'
import { judge } from './judge.ts'
import { pin } from './pin.ts'
import { type AsOf, beginReading, type LegReading, readUntilComplete } from './read-as-of.ts'
import { asOfLegsOf, type Relation, snapshotLegOf } from './relation.ts'
import type { Run } from './run.ts'
import { type RunOptions, runCheck } from './run-check.ts'

/**
 * The primitive: compares the two legs of a relation at one epoch, exactly, while both stores are written (design section 3): capture, prove
 * that the cut is whole, wait for the horizon, read as of the epoch, compare.
 */
export function runRelation(relation: Relation, options: RunOptions): Promise<Run> {
  return runCheck(relationCheck(relation), options)
}

/** A relation as a check. */
export function relationCheck(relation: Relation): Check {
  return {
    name: relation.name,
    description: relation.description,
    strategy: asOfLegsOf(relation)[0]?.strategy ?? null,
    attempt: attempt => compareLegs(relation, attempt),
    histories: asOfLegsOf(relation),
  }
}

async function compareLegs(relation: Relation, attempt: Attempt): Promise<Outcome> {
  const { options, record, scope, canary } = attempt
  const snapshot = snapshotLegOf(relation)
  const pinned = await pin({ leg: snapshot, epoch: relation.epoch, canary: snapshot && sideOf(relation, snapshot, canary) }, attempt)
  if ('verdict' in pinned) return pinned
  const legs = asOfLegsOf(relation).map(leg => ({ leg, canary: sideOf(relation, leg, canary) }))
  const deadlineMs = Math.min(scope.clock.monotonicMs() + options.horizonTimeoutMs, attempt.patienceEndsMs)
  const asOf: AsOf = { legs, epoch: pinned.epoch, deadlineMs }
  // The other leg's wait and read begin while the rows still drain: neither slows the other, and the merge needs both.
  const reading = beginReading(asOf, record, scope)
  scope.defer(() => Promise.allSettled([reading]))
  const [rows, begun] = await Promise.all([pinned.rows, reading])
  const { result: comparison, legs: read } = await readUntilComplete(asOf, begun, record, scope, async readings => {
    const { left, right } = linesOf(relation, rows, readings)
    record.comparison = await record.timed('compare', () =>
      compare(left, right, relation.shape, { maxMismatches: options.maxMismatches, signal: scope.signal, canary }),
    )
    return record.comparison
  })
  return judgeComparison(comparison, read, attempt)
}

/** The verdict on what was compared, once the legs have been read as far as they get. */
export async function judgeComparison(
  comparison: Comparison,
  legs: Parameters<typeof gatherFindings>[0],
  { record, scope }: Attempt,
): Promise<Outcome> {
  if (comparison.keysCompared === 0n) record.warn('neither side holds any key as of this epoch: nothing was compared')
  return judge(comparison, await gatherFindings(legs, comparison, record, scope))
}

function sideOf(relation: Relation, leg: Relation['left'], canary: Canary) {
  return leg === relation.left ? canary.left : canary.right
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
