import type { BuiltinCheckName } from '../../checks/builtin.ts'
import type { Run } from '../../checks/run.ts'
import type { Recorder } from '../check/recorder.ts'
import { runCheck } from '../check/run-check.ts'
import type { StoreUrls } from '../check/store-urls.ts'
import type { Config } from '../config/config.ts'
import type { Io } from '../io.ts'
import type { Pace } from './pace.ts'

/** One check of the demo, with what went on around it. */
export interface Round {
  readonly run: Run
  readonly finishedAtMs: number
  /** As it was when the check began. */
  readonly pace: Pace
  /** How many dropcopy events PostgreSQL had at the epoch that ClickHouse did not show when the check began; undefined without an epoch. */
  readonly eventsApart: bigint | undefined
  /** How many keys a comparison that does not wait would have called different at the same moment; undefined where it could not be made. */
  readonly unpinnedDifferences: bigint | undefined
}

/** What the rounds of one demo share. */
export interface RoundSurroundings {
  readonly urls: StoreUrls
  readonly config: Config
  readonly unpinned: Config
  readonly recorder: Recorder
  readonly pace: () => Pace
  readonly io: Pick<Io, 'clock' | 'signal'>
}

/** Runs one check exactly as `recon check` does, recorded and judged against the epochs seen before, and beside it the comparison that does not wait. */
export async function runRound(name: BuiltinCheckName, { urls, config, unpinned, recorder, pace, io }: RoundSurroundings): Promise<Round> {
  const seen = await recorder.seenBefore()
  const before = pace()
  const [run, hasty] = await Promise.all([runCheck(name, urls, config, seen?.epoch, io), runCheck(name, urls, unpinned, undefined, io)])
  if (!io.signal.aborted) await recorder.record(run, seen?.era)
  const folded = run.epoch?.['dropcopy']
  return {
    run,
    finishedAtMs: io.clock.wallMs(),
    pace: before,
    eventsApart: folded === undefined ? undefined : notBelowZero(BigInt(folded) - before.status.sink.dropcopy),
    unpinnedDifferences: hasty.verdict === 'inconclusive' ? undefined : BigInt(hasty.mismatchCount),
  }
}

function notBelowZero(count: bigint): bigint {
  return count < 0n ? 0n : count
}
