import type { Clock } from '../../epoch/clock.ts'
import { ReconError } from '../../epoch/recon-error.ts'

/** A clock whose time passes only while it is driven, and then at once: a run of minutes takes milliseconds, and the same one every time. */
export interface VirtualClock extends Clock {
  /**
   * Runs `work` to its end: whenever nothing can go on any more, time jumps to the next moment that somebody sleeps until. Everything in `work` must wait by this
   * clock alone. Rejects with `ReconError` (`nothing-to-wait-for`) when `work` has not ended and nobody sleeps.
   */
  drive<T>(work: () => Promise<T>): Promise<T>
}

interface Sleeper {
  readonly dueMs: number
  readonly wake: () => void
}

/** Makes a clock that stands at `startMs` and 2026-01-01 UTC. Those who wake at the same moment wake in the order in which they went to sleep. */
export function virtualClock(startMs = 0): VirtualClock {
  const epochMs = Date.UTC(2026, 0, 1) - startMs
  const sleepers: Sleeper[] = []
  let nowMs = startMs

  const sleep = (ms: number, signal: AbortSignal) =>
    new Promise<void>((resolve, reject) => {
      if (signal.aborted) return reject(signal.reason)
      const done = () => {
        signal.removeEventListener('abort', aborted)
        const at = sleepers.indexOf(sleeper)
        if (at !== -1) sleepers.splice(at, 1)
      }
      const aborted = () => {
        done()
        reject(signal.reason)
      }
      const wake = () => {
        done()
        resolve()
      }
      const sleeper = { dueMs: nowMs + Math.max(0, ms), wake }
      const later = sleepers.findIndex(other => other.dueMs > sleeper.dueMs)
      sleepers.splice(later === -1 ? sleepers.length : later, 0, sleeper)
      signal.addEventListener('abort', aborted, { once: true })
    })

  return {
    wallMs: () => epochMs + nowMs,
    monotonicMs: () => nowMs,
    sleep,
    drive: async work => {
      let settled = false
      const result = work().finally(() => {
        settled = true
      })
      result.catch(() => undefined)
      for (;;) {
        await quiet()
        if (settled) return result
        const [next] = sleepers
        if (!next)
          throw new ReconError(
            'nothing-to-wait-for',
            `at ${nowMs} ms of virtual time the work has not ended and nobody sleeps: it waits for something else than this clock`,
          )
        nowMs = Math.max(nowMs, next.dueMs)
        next.wake()
      }
    },
  }
}

/** Resolves when no promise can go on by itself: all microtasks run before the next macrotask. */
function quiet(): Promise<void> {
  return new Promise(resolve => setImmediate(resolve))
}
