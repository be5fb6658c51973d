/** Time, passed in, so that a test can hold it. */
export interface Clock {
  /** Milliseconds since 1970 by the wall clock: for records. */
  wallMs(): number
  /** Milliseconds by a clock that never goes back: for durations and deadlines. */
  monotonicMs(): number
  /** Resolves after `ms`; rejects with the signal's reason as soon as it aborts. */
  sleep(ms: number, signal: AbortSignal): Promise<void>
}
