import { setTimeout as delay } from 'node:timers/promises'
import type { Clock } from '../epoch/clock.ts'

/** The clocks of this machine. */
export const systemClock: Clock = {
  wallMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  sleep: async (ms, signal) => {
    signal.throwIfAborted()
    // timers/promises rejects with an AbortError of its own; the signal's reason is the one that says why.
    await delay(Math.max(0, ms), undefined, { signal }).catch(error => {
      signal.throwIfAborted()
      throw error
    })
  },
}
