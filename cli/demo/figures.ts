/** A whole number for a person: digits in groups of three. */
export function grouped(value: bigint | number | string): string {
  return String(value).replace(/\B(?=(\d{3})+$)/g, ',')
}

/** A duration for a person: `850 ms`, `2.1 s`. */
export function shortDuration(ms: number): string {
  return Math.round(ms) < 1_000 ? `${Math.round(ms)} ms` : `${(ms / 1_000).toFixed(1)} s`
}

/** The time of day in UTC, to the second, as the recorded runs have it. */
export function timeOfDay(wallMs: number): string {
  return new Date(wallMs).toISOString().slice(11, 19)
}

/** An epoch as people write it down: `dropcopy=1045 cash=87`. */
export function epochText(epoch: Readonly<Record<string, string>> | null): string {
  if (epoch === null) return 'no epoch'
  return Object.entries(epoch)
    .map(([stream, sequence]) => `${stream}=${sequence}`)
    .join(' ')
}

/** A count with its noun: `1 key`, `2,000 keys`. */
export function counted(count: bigint | number | string, noun: string): string {
  return `${grouped(count)} ${noun}${BigInt(count) === 1n ? '' : 's'}`
}

/** Several things in a sentence: `a`, `a and b`, `a, b and c`; `nothing` where there is none. */
export function listed(things: readonly string[]): string {
  const last = things.at(-1) ?? 'nothing'
  return things.length < 2 ? last : `${things.slice(0, -1).join(', ')} and ${last}`
}
