import fc from 'fast-check'
import type { Relation } from '../../checks/relation.ts'
import type { RunOptions } from '../../checks/run-check.ts'
import { runRelation } from '../../checks/run-relation.ts'
import { type Epoch, epochFromJson, join } from '../../epoch/epoch.ts'
import { StoreError } from '../../epoch/store-error.ts'
import { arbitraryHistory } from '../../sim/testing/arbitrary-history.ts'
import type { ExchangeHistory } from '../../sim/testing/exchange-history.ts'
import { type Playing, playHistory } from '../../sim/testing/play-history.ts'
import type { RoundTrip } from '../../sim/testing/round-trip.ts'
import { virtualClock } from '../../sim/testing/virtual-clock.ts'
import type { ObservedRun, World } from './oracle.ts'

/** One run of a checker: when it begins after the one before, how patient it is, and whether somebody cancels it. */
export interface PlannedRun {
  readonly pauseMs: number
  readonly captureTimeoutMs: number
  readonly horizonTimeoutMs: number
  readonly abortAfterMs: number | null
}

/** A history, and everything that goes on around it. */
export interface Interleaving {
  readonly history: ExchangeHistory
  readonly checkers: readonly (readonly PlannedRun[])[]
  /** What round trips take, in turn. */
  readonly tripsMs: readonly number[]
  /** Which round trips fail, by their number, and whether asking again may help. */
  readonly failures: ReadonlyMap<number, { readonly retryable: boolean }>
  readonly caughtUp: boolean
}

/** Interleavings of a history with faults, if asked for, and of runs, some of them cancelled, on stores some of whose answers fail. */
export function arbitraryInterleaving(faults: number) {
  const planned: fc.Arbitrary<PlannedRun> = fc.record({
    pauseMs: fc.nat(80),
    captureTimeoutMs: fc.constantFrom(20, 60, 300),
    horizonTimeoutMs: fc.constantFrom(20, 100, 400),
    abortAfterMs: fc.oneof({ arbitrary: fc.constant(null), weight: 9 }, { arbitrary: fc.nat(60), weight: 1 }),
  })
  const failures = fc
    .array(fc.tuple(fc.nat(150), fc.record({ retryable: fc.boolean() })), { maxLength: 2 })
    .map(entries => new Map(entries))
  return fc.record({
    history: arbitraryHistory({ faults }),
    checkers: fc.array(fc.array(planned, { minLength: 1, maxLength: 4 }), { minLength: 1, maxLength: 3 }),
    tripsMs: fc.array(fc.nat(6), { minLength: 1, maxLength: 12 }),
    failures: fc.oneof({ arbitrary: fc.constant(new Map()), weight: 4 }, { arbitrary: failures, weight: 1 }),
    caughtUp: fc.oneof({ arbitrary: fc.constant(true), weight: 5 }, { arbitrary: fc.constant(false), weight: 1 }),
  })
}

/** What came of an interleaving. */
export interface Played {
  readonly runs: readonly ObservedRun[]
  readonly world: World
  readonly playing: Playing
}

/** Plays an interleaving by a virtual clock; at the end, when all is folded and delivered, one more patient run on stores that answer. */
export async function playInterleaving(
  plan: Interleaving,
  wrong: (relation: Relation) => Relation = relation => relation,
): Promise<Played> {
  const clock = virtualClock()
  const signal = new AbortController().signal
  const storeFailures = new Set<string>()
  const runs: ObservedRun[] = []
  let [trips, ended] = [0, false]
  const roundTrip: RoundTrip = async (operation, context) => {
    const number = trips++
    await clock.sleep(plan.tripsMs[number % plan.tripsMs.length] ?? 0, context.signal)
    const failure = ended ? undefined : plan.failures.get(number)
    if (!failure) return
    const reason = operation === 'more' ? 'response-truncated' : 'store-unreachable'
    storeFailures.add(reason)
    throw new StoreError('store', reason, 'made to fail', failure)
  }
  const playing = playHistory(plan.history, { clock, signal, roundTrip, caughtUp: plan.caughtUp })
  const relation = wrong(playing.relation)

  const runOnce = async (planned: PlannedRun) => {
    await clock.sleep(planned.pauseMs, signal)
    const seen = runs.reduce<Epoch>(
      (most, { run }) => (run.verdict !== 'inconclusive' && run.epoch ? join(most, epochFromJson(run.epoch)) : most),
      {},
    )
    const abort = new AbortController()
    const startedMs = clock.monotonicMs()
    const ending = new AbortController()
    const canceller =
      planned.abortAfterMs === null
        ? undefined
        : clock.sleep(planned.abortAfterMs, ending.signal).then(
            () => abort.abort(),
            () => undefined,
          )
    const options: RunOptions = {
      runId: `run ${runs.length}`,
      clock,
      signal: abort.signal,
      timeoutMs: 60_000,
      maxMismatches: 1_000,
      seenBefore: seen,
      ...planned,
    }
    const run = await runRelation(relation, options)
    const aborted = abort.signal.aborted
    ending.abort()
    await canceller
    const { captureTimeoutMs, horizonTimeoutMs } = planned
    runs.push({
      run,
      startedMs,
      finishedMs: clock.monotonicMs(),
      aborted,
      captureTimeoutMs,
      horizonTimeoutMs,
      seenBefore: new Map(Object.entries(seen)),
    })
  }

  await clock.drive(async () => {
    const checkers = plan.checkers.map(async planned => {
      for (const each of planned) await runOnce(each)
    })
    await Promise.all([playing.finished, ...checkers])
    ended = true
    await runOnce({ pauseMs: 1, captureTimeoutMs: 300, horizonTimeoutMs: 300, abortAfterMs: null })
  })
  const world = { script: plan.history, log: playing.log, caughtUp: plan.caughtUp, tripMsMax: Math.max(...plan.tripsMs), storeFailures }
  return { runs, world, playing }
}
