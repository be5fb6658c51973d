import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parameters } from '../../sim/testing/parameters.ts'
import { arbitraryInterleaving, playInterleaving } from './interleaving.ts'
import { judgeAll } from './judge-all.ts'
import { Seen } from './seen.ts'
import { WRONG_CHECKERS } from './wrong-checkers.ts'

const RUNS = 1_200
// A fixed seed, since the rarest of these needs some hundred cases: what is tried here is the model, not the product.
const WRONG_CHECKERS_SEED = 20_261_124

describe('a check, however it interleaves with engine, cash writer, sink, crashes, replays, cancels and failing answers', () => {
  it('[P-NO-FALSE-DIFF] never finds a difference on a healthy exchange, and never lets the epoch go back', async () => {
    const seen = new Seen()
    await fc.assert(
      fc.asyncProperty(arbitraryInterleaving(0), async plan => {
        const played = await playInterleaving(plan)
        seen.add(played)
        expect(played.runs.filter(({ run }) => run.verdict === 'diff')).toEqual([])
        expect(judgeAll(played)).toEqual([])
        expect(played.runs.at(-1)?.run).toMatchObject({ verdict: 'balanced', epoch: finalEpoch(plan.history.ends) })
      }),
      parameters({ numRuns: RUNS }),
    )
    seen.expectAll([
      'balanced/balanced',
      'conclusive after a torn cut',
      'conclusive after waiting for the horizon',
      'conclusive over duplicates',
      'conclusive below the horizon',
      'inconclusive/torn-cut',
      'inconclusive/horizon-timeout',
      'inconclusive/cancelled',
      'inconclusive/store-unreachable',
    ])
  })

  it('[P-NO-MISSED-DIFF] finds every planted difference, to the last digit, at every epoch that has it, and no other', async () => {
    const seen = new Seen()
    await fc.assert(
      fc.asyncProperty(arbitraryInterleaving(2), async plan => {
        const played = await playInterleaving(plan)
        seen.add(played)
        expect(judgeAll(played)).toEqual([])
      }),
      parameters({ numRuns: RUNS }),
    )
    seen.expectAll([
      'balanced/balanced',
      'conclusive after reading again',
      'diff/value-mismatch',
      'diff/rows-missing',
      'diff/rows-extra',
      'diff/conflicting-duplicate',
      'inconclusive/torn-cut',
      'inconclusive/horizon-timeout',
      'inconclusive/watermark-conflict',
      'inconclusive/epoch-regression',
    ])
  })
})

describe('the model', () => {
  it.each(Object.entries(WRONG_CHECKERS))('catches a checker that %s', async (_what, wrong) => {
    const outcome = await fc.check(
      fc.asyncProperty(arbitraryInterleaving(2), async plan => {
        const played = await playInterleaving(plan, wrong)
        return judgeAll(played).length === 0
      }),
      { numRuns: RUNS, endOnFailure: true, seed: WRONG_CHECKERS_SEED },
    )
    expect(outcome.failed).toBe(true)
  })
})

function finalEpoch(ends: Readonly<Record<string, bigint>>) {
  return Object.fromEntries(Object.entries(ends).map(([stream, at]) => [stream, at.toString()]))
}
