import type { Run } from '../../checks/run.ts'
import type { CheckName } from '../../sim/faults/expectation.ts'
import type { Recorder } from '../check/recorder.ts'
import { runCheck } from '../check/run-check.ts'
import type { StoreUrls } from '../check/store-urls.ts'
import type { Config } from '../config/config.ts'
import type { Io } from '../io.ts'
import type { Pace } from './pace.ts'

/** The check beside which a comparison is made that does not wait. */
export const NAIVE_BESIDE: CheckName = 'transactions-balance'

/** One run of one check, with what went on around it. */
export interface DemoRun {
  readonly run: Run
  readonly finishedAtMs: number
  /** As it was when the check began. */
  readonly pace: Pace
  /** How many dropcopy events PostgreSQL had at the epoch that ClickHouse did not show when the check began; undefined without an epoch of its own. */
  readonly eventsApart: bigint | undefined
  /** How many keys a comparison that does not wait would have called different at the same moment; undefined where none was made. */
  readonly unpinnedDifferences: bigint | undefined
}

/** What the runs of one demo share. */
export interface DemoSurroundings {
  /** The checks of every round. */
  readonly checks: readonly CheckName[]
  readonly urls: StoreUrls
  readonly config: Config
  readonly unpinned: Config
  readonly recorder: Recorder
  readonly pace: () => Pace
  readonly io: Pick<Io, 'clock' | 'signal' | 'stderr'>
}

/** Runs one check exactly as `recon check` does, recorded and judged against the epochs seen before, and beside one of them the comparison that does not wait. */
export async function runOnce(name: CheckName, { urls, config, unpinned, recorder, pace, io }: DemoSurroundings): Promise<DemoRun> {
  const seen = await recorder.seenBefore()
  const before = pace()
  const ended = async (run: Run) => {
    if (!io.signal.aborted) await recorder.record(run, seen?.era)
  }
  const [run, hasty] = await Promise.all([
    runCheck(name, urls, config, { seen, state: recorder.state, ended }, io),
    name === NAIVE_BESIDE ? runCheck(name, urls, unpinned, {}, io) : undefined,
  ])
  // Of a mark cycle it says nothing about how far the engine had come.
  const folded = run.epochOf === undefined ? run.epoch?.['dropcopy'] : undefined
  return {
    run,
    finishedAtMs: io.clock.wallMs(),
    pace: before,
    eventsApart: folded === undefined ? undefined : notBelowZero(BigInt(folded) - before.status.sink.dropcopy),
    unpinnedDifferences: hasty === undefined || hasty.verdict === 'inconclusive' ? undefined : BigInt(hasty.mismatchCount),
  }
}

function notBelowZero(count: bigint): bigint {
  return count < 0n ? 0n : count
}
