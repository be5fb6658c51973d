import type { Clock } from '../../epoch/clock.ts'

/** How work is paced. */
export interface Pace {
  /** How many at a time at the most. */
  readonly inFlightMax: number
  /** From one start to the next at the least. */
  readonly intervalMs: number
}

/** Does `work` again and again, several at a time, until the signal aborts; what is under way then is finished. The first failure is thrown. */
export async function keepBusy(pace: Pace, clock: Clock, signal: AbortSignal, work: () => Promise<void>): Promise<void> {
  let nextMs = clock.monotonicMs()
  const worker = async () => {
    while (!signal.aborted) {
      const startMs = Math.max(nextMs, clock.monotonicMs())
      nextMs = startMs + pace.intervalMs
      await clock.sleep(startMs - clock.monotonicMs(), signal).catch(error => {
        if (!signal.aborted) throw error
      })
      if (!signal.aborted) await work()
    }
  }
  await Promise.all(Array.from({ length: pace.inFlightMax }, worker))
}
