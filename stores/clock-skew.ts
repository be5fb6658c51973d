import type { LegContext } from '../epoch/leg.ts'

/** How far a server's wall clock is ahead of ours; the truth lies within `uncertaintyMs` (half a round trip) of it. */
export interface ClockSkew {
  readonly skewMs: number
  readonly uncertaintyMs: number
}

const ROUND_TRIPS = 3

/** Measures the skew by the quickest of a few round trips, against its midpoint (Cristian's algorithm). `ask` gives milliseconds since 1970. */
export async function quickestRoundTrip({ clock, signal }: LegContext, ask: () => Promise<number>): Promise<ClockSkew> {
  let best: ClockSkew = { skewMs: 0, uncertaintyMs: Number.POSITIVE_INFINITY }
  for (let turn = 0; turn < ROUND_TRIPS; turn++) {
    signal.throwIfAborted()
    const sentMs = clock.wallMs()
    const fromMs = clock.monotonicMs()
    const theirsMs = await ask()
    const uncertaintyMs = (clock.monotonicMs() - fromMs) / 2
    if (uncertaintyMs < best.uncertaintyMs) best = { skewMs: theirsMs - (sentMs + uncertaintyMs), uncertaintyMs }
  }
  return best
}
