import { ReconError } from '../../epoch/recon-error.ts'
import { StoreError } from '../../epoch/store-error.ts'
import type { Outcome } from '../../epoch/verdict.ts'
import type { Attempt, Check } from '../check.ts'
import { relationCheck } from '../run-relation.ts'
import { type CustomSources, relationOf } from './custom-legs.ts'
import { type CustomRelation, sidesOf } from './custom-relation.ts'
import { inspectRelation } from './inspect-relation.ts'

/**
 * A custom relation as a check. Each run first compares its SQL with the live schema: what does not fit is inconclusive/schema-mismatch, with everything at once.
 * A leg that nothing proves complete is told as a warning with every verdict.
 */
export function customCheck(custom: CustomRelation, sources: CustomSources): Check {
  const check = relationCheck(relationOf(custom, sources))
  return {
    ...check,
    attempt: async attempt => {
      const problems = await inspectRelation(custom, sources, attempt.scope)
      if (problems.length > 0)
        throw new StoreError(custom.name, 'schema-mismatch', `the SQL does not fit the stores: ${problems.join('; ')}`)
      const outcome = await attemptInOrder(check, attempt)
      for (const warning of unprovenLegs(custom)) attempt.record.warn(warning)
      return outcome
    },
  }
}

/** The legs of which no count says that all their facts were read, in words. */
export function unprovenLegs(custom: CustomRelation): readonly string[] {
  return sidesOf(custom).flatMap(([side, leg]) => {
    if (leg.store !== 'clickhouse') return []
    const { horizon } = leg
    if (horizon.strategy === 'settle') return [`${side}: nothing proves complete what was read ${horizon.settleMs} ms after the capture`]
    if (horizon.rows) return []
    return [`${side}: the watermark of ${horizon.watermark} was waited for, but no count (horizon.rows) proves complete what was read`]
  })
}

/** Two rows of one key are a mistake in the SQL, and not a bug or a difference. */
async function attemptInOrder(check: Check, attempt: Attempt): Promise<Outcome> {
  try {
    return await check.attempt(attempt)
  } catch (error) {
    if (!(error instanceof ReconError) || error.code !== 'unordered-leg') throw error
    throw new StoreError(check.name, 'schema-mismatch', `${error.message}; its SQL must give one row for each key, so group by the keys`, {
      cause: error,
    })
  }
}
