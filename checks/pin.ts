import type { CanaryRow } from '../epoch/canary.ts'
import { regressedStreams, tornStreams } from '../epoch/cut.ts'
import { type Epoch, formatEpoch } from '../epoch/epoch.ts'
import type { Capture, DrainedRows, ReadContext, SnapshotLeg } from '../epoch/leg.ts'
import type { Outcome } from '../epoch/verdict.ts'
import type { Attempt } from './check.ts'
import type { EpochSource } from './relation.ts'
import type { RunRecord } from './run-record.ts'
import type { Scope } from './scope.ts'

/** What fixes the epoch of a run: a snapshot leg, with the canary that it carries, or where there is none a source. */
export interface Pinning {
  readonly leg: SnapshotLeg | undefined
  readonly epoch: EpochSource | undefined
  readonly canary: CanaryRow | undefined
}

/** A run pinned to an epoch. `rows` are those of the snapshot leg, still draining; undefined where the run has none. */
export interface Pinned {
  readonly epoch: Epoch
  readonly rows: Promise<DrainedRows | undefined>
}

const PAUSE_MS_MIN = 5
const PAUSE_MS_MAX = 200

/**
 * Fixes the epoch of a run: capture and prove of design section 3. An outcome instead of a pin means that there is nothing to compare. An epoch
 * below one that was seen before is told before a torn cut, since a token set back makes every cut look torn.
 */
export async function pin(
  { leg, epoch: source, canary }: Pinning,
  { options, record, scope, captureDeadlineMs }: Attempt,
): Promise<Pinned | Outcome> {
  const seenBefore = options.seenBefore ?? {}
  const context = canary ? { ...scope, canary } : scope
  const capture = leg ? await record.timed('capture', () => captureWhole(leg, seenBefore, captureDeadlineMs, record, context)) : undefined
  const epoch = capture?.epoch ?? (await source?.readEpoch(scope))
  if (!epoch) throw new Error('a check must have a snapshot leg or a source for its epoch')
  record.epoch = epoch
  record.stamps = capture?.stamps
  const regressed = regressedStreams(epoch, seenBefore)
  if (regressed.length > 0) return regression(epoch, seenBefore, regressed)
  const torn = capture ? tornStreams(epoch, capture.stamps) : []
  if (capture && torn.length > 0) return tornCut(capture, record.torn, torn)
  return { epoch, rows: capture ? drain(capture, record, scope) : Promise.resolve(undefined) }
}

/**
 * Takes captures until one is whole. A batch half folded tears a cut for as long as the engine is between two commits, so another is taken a
 * moment later; past the deadline, or where the epoch went back, the last one is returned as it is. Its transaction ends with the scope.
 */
async function captureWhole(
  leg: SnapshotLeg,
  seenBefore: Epoch,
  deadlineMs: number,
  record: RunRecord,
  scope: Scope & ReadContext,
): Promise<Capture> {
  for (let pauseMs = PAUSE_MS_MIN; ; pauseMs = Math.min(pauseMs * 2, PAUSE_MS_MAX)) {
    record.attempts++
    const capture = await leg.capture(scope)
    const torn = tornStreams(capture.epoch, capture.stamps).length > 0
    if (torn) record.torn++
    if (torn) await capture.discard()
    else scope.defer(() => capture.discard())
    const late = scope.clock.monotonicMs() + pauseMs >= deadlineMs
    if (!torn || late || regressedStreams(capture.epoch, seenBefore).length > 0) return capture
    await scope.clock.sleep(pauseMs, scope.signal)
  }
}

function drain(capture: Capture, record: RunRecord, scope: Scope): Promise<DrainedRows> {
  const rows = record.timed('capture', async () => {
    const drained = await capture.drain()
    record.capturedRows = drained.rows
    return drained
  })
  scope.defer(async () => {
    const [settled] = await Promise.allSettled([rows])
    if (settled.status === 'fulfilled') await settled.value.dispose()
  })
  return rows
}

function regression(epoch: Epoch, seenBefore: Epoch, streams: readonly string[]): Outcome {
  const where = `the epoch ${formatEpoch(epoch)} lies below ${formatEpoch(seenBefore)}, which a finished run has seen (${streams.join(', ')})`
  const remedy = 'after a real failover acknowledge it with: recon epoch accept --reason "..."'
  return { verdict: 'inconclusive', reasonCode: 'epoch-regression', reason: `${where}; ${remedy}` }
}

function tornCut({ epoch, stamps }: Capture, captures: number, streams: readonly string[]): Outcome {
  const where = `state rows are stamped ${formatEpoch(stamps)}, above the epoch ${formatEpoch(epoch)} (${streams.join(', ')}), in each of ${captures} captures`
  return {
    verdict: 'inconclusive',
    reasonCode: 'torn-cut',
    reason: `${where}: a batch is half folded; see whether the engine stopped between its commits`,
  }
}
