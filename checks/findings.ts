import type { LegContext } from '../epoch/leg.ts'
import type { Comparison } from '../epoch/mismatch.ts'
import { StoreError } from '../epoch/store-error.ts'
import { judgeReading } from './answer.ts'
import { retrying } from './deadline.ts'
import type { LegFindings } from './judge.ts'
import type { LegRead } from './read-as-of.ts'
import type { RunRecord } from './run-record.ts'

const CONFLICTS_LISTED_MAX = 10
/** How long a store may take to come back for the questions that follow the comparison; its deadline for the rows may be over by then. */
const AFTERTHOUGHT_MS = 5_000

/** Gathers what the verdict needs beside the comparison; only a run that is not plainly balanced pays for it. */
export async function gatherFindings(
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
