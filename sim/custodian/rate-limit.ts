/** Counts requests by whole seconds of the clock. */
export interface RateLimit {
  /** Takes a request; gives how many seconds to wait where there were too many in this second already. */
  readonly take: (wallMs: number) => number | undefined
  /** Refuses the next so many requests, whatever the rate, asking for so many seconds. */
  readonly refuseNext: (requests: number, retryAfterSeconds: number) => void
}

/** Makes a limit of so many requests a second; infinite for none. */
export function openRateLimit(requestsPerSecond: number): RateLimit {
  let second = 0
  let taken = 0
  let refusals = { left: 0, seconds: 0 }
  return {
    take: wallMs => {
      if (refusals.left > 0) {
        refusals = { ...refusals, left: refusals.left - 1 }
        return refusals.seconds
      }
      const now = Math.floor(wallMs / 1_000)
      taken = now === second ? taken + 1 : 1
      second = now
      return taken > requestsPerSecond ? 1 : undefined
    },
    refuseNext: (left, seconds) => {
      refusals = { left, seconds }
    },
  }
}
