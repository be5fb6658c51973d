/** Conditions that somebody waits for, looked at whenever there is news. */
export interface Watch {
  /** Looks at every condition again. */
  readonly look: () => void
  /** Rejects everybody who waits, and whoever will; the first error stays. */
  readonly fail: (error: Error) => void
  /** Resolves as soon as `reached` is true at a look; rejects on `fail` and when `signal` is aborted. */
  readonly until: (reached: () => boolean, signal: AbortSignal) => Promise<void>
}

/** Makes a watch that nobody waits on yet. */
export function openWatch(): Watch {
  const waiting = new Set<() => void>()
  let failure: Error | undefined
  const look = () => {
    for (const each of [...waiting]) each()
  }
  const until = (reached: () => boolean, signal: AbortSignal) =>
    new Promise<void>((resolve, reject) => {
      const settle = (how: () => void) => {
        waiting.delete(each)
        signal.removeEventListener('abort', each)
        how()
      }
      const each = () => {
        if (failure !== undefined) settle(() => reject(failure))
        else if (signal.aborted) settle(() => reject(signal.reason))
        else if (reached()) settle(resolve)
      }
      waiting.add(each)
      signal.addEventListener('abort', each)
      each()
    })
  const fail = (error: Error) => {
    failure ??= error
    look()
  }
  return { look, fail, until }
}
