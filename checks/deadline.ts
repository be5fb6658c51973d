import type { Clock } from '../epoch/clock.ts'
import type { LegContext } from '../epoch/leg.ts'
import { ReconError } from '../epoch/recon-error.ts'
import { StoreError } from '../epoch/store-error.ts'
import { linkController } from './linked-controller.ts'

const RETRY_PAUSE_MS = 100

/**
 * Runs `work` under a signal that aborts when the caller's does, when `timeoutMs` has passed, and when `work` has settled, so that nothing it
 * started outlives it. `work` must settle once its signal has aborted.
 */
export async function withDeadline<T>(
  what: string,
  timeoutMs: number,
  clock: Clock,
  caller: AbortSignal,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const controller = linkController(caller)
  const late = () =>
    new StoreError(
      what,
      'statement-timeout',
      `not finished after ${Math.round(timeoutMs)} ms; raise its timeout, or see in durationMs what is slow`,
    )
  const timer = clock
    .sleep(timeoutMs, controller.signal)
    .then(() => controller.abort(late()))
    .catch(() => undefined)
  try {
    return await work(controller.signal)
  } finally {
    controller.abort(new ReconError('finished', `${what} has ended`))
    controller.unlink()
    await timer
  }
}

/** Runs `work` again as long as its failure is one after which asking again is sound, and the deadline has not passed. */
export async function retrying<T>(deadlineMs: number, context: LegContext, work: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await work()
    } catch (error) {
      if (!isRetryable(error) || context.clock.monotonicMs() + RETRY_PAUSE_MS >= deadlineMs) throw error
      await context.clock.sleep(RETRY_PAUSE_MS, context.signal)
    }
  }
}

/** Whether asking again in the same run is sound. */
function isRetryable(error: unknown): boolean {
  return error instanceof StoreError && error.retryable
}
