import type { Completeness } from '../epoch/horizon.ts'
import type { Comparison } from '../epoch/mismatch.ts'
import type { Outcome } from '../epoch/verdict.ts'

/** What is known of one as-of leg when the verdict is due. */
export interface LegFindings {
  readonly completeness: Completeness
  /** What is wrong with its counts, in words; empty where they are right. */
  readonly words: string
  /** Whether the server is known to show all that was ever written to it. */
  readonly caughtUp: boolean
  /** Content addresses that hold more than one fact. */
  readonly conflicts: readonly string[]
}

/**
 * Facts to findings. Rows short of a watermark are a loss only on a server that is known to have caught up; elsewhere they may still come,
 * and nothing can be said. The most specific reason for a difference is told: what broke the history before what it did to the sums.
 */
export function judge(comparison: Comparison, legs: readonly LegFindings[]): Outcome {
  const words = legs.map(leg => leg.words).filter(text => text !== '')
  const is = (kind: Completeness['kind']) => legs.some(leg => leg.completeness.kind === kind)
  const { mismatchCount, keysCompared } = comparison
  const keys = `${mismatchCount} of ${keysCompared} keys differ`
  const reason = [...words, keys].join('; ')

  if (comparison.canaryFound === false) {
    return {
      verdict: 'inconclusive',
      reasonCode: 'detector-blind',
      reason: 'the canary row that both legs carry was not found with exactly its own difference: the comparison cannot see',
    }
  }
  if (legs.some(leg => leg.completeness.kind === 'short' && !leg.caughtUp)) {
    return {
      verdict: 'inconclusive',
      reasonCode: 'horizon-timeout',
      reason: `${words.join('; ')}, and the server is not known to have caught up`,
    }
  }
  if (is('unsettled')) {
    return { verdict: 'inconclusive', reasonCode: 'horizon-timeout', reason: `${words.join('; ')}, each time it was read` }
  }
  if (is('conflicting') || legs.some(leg => leg.conflicts.length > 0)) {
    const conflicts = legs.flatMap(leg => leg.conflicts)
    const named =
      conflicts.length > 0 && words.length === 0 ? [`one content address holds different facts: ${conflicts.slice(0, 3).join(', ')}`] : []
    return { verdict: 'diff', reasonCode: 'conflicting-duplicate', reason: [...named, reason].join('; ') }
  }
  if (is('short')) return { verdict: 'diff', reasonCode: 'rows-missing', reason }
  if (is('extra')) return { verdict: 'diff', reasonCode: 'rows-extra', reason }
  if (mismatchCount > 0n) return { verdict: 'diff', reasonCode: 'value-mismatch', reason: keys }
  return { verdict: 'balanced', reasonCode: 'balanced', reason: `all ${keysCompared} keys agree` }
}
