import { epochFromJson } from '../epoch/epoch.ts'
import type { LegContext } from '../epoch/leg.ts'
import type { Check } from './check.ts'
import type { Run } from './run.ts'

/** How checkpoints may be made after a run: `era` is that of the accepted epochs when the run began. */
export interface AdvanceOptions {
  readonly era: bigint
  /** Makes them however little there is to save. */
  readonly always?: boolean
}

/**
 * Keeps what a run verified, so that the next ones read only what came since: only after a balanced run, whose horizon was proved by watermarks. Gives what each
 * history did, in words. Rejects with `StoreError`; then nothing is lost but time.
 */
export async function advanceCheckpoints(
  check: Check,
  run: Run,
  { era, always = false }: AdvanceOptions,
  context: LegContext,
): Promise<readonly string[]> {
  if (run.verdict !== 'balanced' || run.epoch === null || run.horizon.strategy !== 'watermark') return []
  const verified = { check: check.name, runId: run.runId, epoch: epochFromJson(run.epoch), era, always }
  const done: string[] = []
  // One after the other: each may scan what is new, and two of them may be of one history.
  for (const leg of check.histories ?? []) if (leg.advance) done.push(await leg.advance(verified, context))
  return done
}
