import { canaryRow } from '../../epoch/canary.ts'
import { linesOfRows } from '../../epoch/compare-rows.ts'
import { compare } from '../../epoch/diff.ts'
import type { AsOfLeg } from '../../epoch/leg.ts'
import type { RowShape } from '../../epoch/row.ts'
import { StoreError } from '../../epoch/store-error.ts'
import type { Outcome } from '../../epoch/verdict.ts'
import type { Attempt } from '../check.ts'
import { pin } from '../pin.ts'
import { beginReading, readUntilComplete } from '../read-as-of.ts'
import type { EpochSource } from '../relation.ts'
import { judgeComparison } from '../run-relation.ts'

/**
 * The verdict on an exchange without mark cycles, where there is one: balanced if no position is held as of how far the engine has come, by the same proof as
 * any other reading, so that there is nothing to mark. Undefined where that cannot be said now; then the record is as if it had not been asked.
 */
export async function nothingHeld(
  positions: { readonly leg: AsOfLeg; readonly shape: RowShape },
  source: EpochSource,
  attempt: Attempt,
): Promise<Outcome | undefined> {
  const { record, scope, canary } = attempt
  const { leg, shape } = positions
  const pinned = await pin({ leg: undefined, epoch: source, canary: undefined }, attempt)
  if ('verdict' in pinned) return pinned
  const asOf = { legs: [{ leg, canary: canary.left }], epoch: pinned.epoch, deadlineMs: scope.clock.monotonicMs() }
  try {
    const begun = await beginReading(asOf, record, scope)
    const { result, legs } = await readUntilComplete(asOf, begun, record, scope, async ([reading]) => {
      if (!reading) throw new Error('the positions were not read')
      const nobody = linesOfRows([canaryRow(shape, canary.right)], shape)
      return compare(reading.reading.lines, nobody, shape, { maxMismatches: 0, signal: scope.signal, canary })
    })
    record.comparison = result
    const outcome = result.keysCompared === 0n ? await judgeComparison(result, legs, attempt) : undefined
    if (outcome?.verdict === 'balanced')
      return { ...outcome, reason: 'no position is held as of this epoch, so that there is nothing to mark' }
  } catch (error) {
    // Positions that are not vouched for yet may well be held.
    if (!(error instanceof StoreError && error.reasonCode === 'horizon-timeout')) throw error
  }
  record.restart()
  return undefined
}
