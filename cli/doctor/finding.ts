/** One thing that the doctor looked at: what was found, and what to do where it is not well. */
export interface Finding {
  /** Stable, and may be scripted against: `postgres.tables.balances`. */
  readonly id: string
  readonly status: 'ok' | 'warn' | 'fail'
  readonly what: string
  /** What to do; null where there is nothing to do. */
  readonly remedy: string | null
}

/** All is well with it. */
export function ok(id: string, what: string): Finding {
  return { id, status: 'ok', what, remedy: null }
}

/** A check works, but less well or less provably than it could. */
export function warn(id: string, what: string, remedy: string): Finding {
  return { id, status: 'warn', what, remedy }
}

/** A check cannot work, or cannot be trusted. */
export function fail(id: string, what: string, remedy: string): Finding {
  return { id, status: 'fail', what, remedy }
}
