/**
 * How far the streams have come, as a function of the clock. Every process computes it by itself, so a busy parent neither stalls nor bunches the feed.
 */
export interface Schedule {
  readonly fromSequence: bigint
  /** Milliseconds since 1970. */
  readonly fromMs: number
  /** Zero while the feed is paused; infinite only with an end. */
  readonly eventsPerSecond: number
  /** The last event there will be; absent for a feed without end. */
  readonly through?: bigint
}

/** The dropcopy sequence that has been published at `nowMs`. */
export function headAt(schedule: Schedule, nowMs: number): bigint {
  const elapsedMs = Math.max(0, nowMs - schedule.fromMs)
  if (schedule.eventsPerSecond === Number.POSITIVE_INFINITY) return schedule.through ?? schedule.fromSequence
  const head = schedule.fromSequence + BigInt(Math.floor((elapsedMs * schedule.eventsPerSecond) / 1000))
  return schedule.through !== undefined && head > schedule.through ? schedule.through : head
}
