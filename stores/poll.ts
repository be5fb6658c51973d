import type { LegContext } from '../epoch/leg.ts'

const POLL_MS_MIN = 10
const POLL_MS_MAX = 250

/** Looks until it is enough or the deadline has passed, less often the longer it takes; always looks at least once. */
export async function poll<T>(
  look: () => Promise<T>,
  enough: (seen: T) => boolean,
  deadlineMs: number,
  { clock, signal }: LegContext,
): Promise<T> {
  for (let pauseMs = POLL_MS_MIN; ; pauseMs = Math.min(pauseMs * 1.5, POLL_MS_MAX)) {
    const seen = await look()
    const leftMs = deadlineMs - clock.monotonicMs()
    if (enough(seen) || leftMs <= 0) return seen
    await clock.sleep(Math.min(pauseMs, leftMs), signal)
  }
}
