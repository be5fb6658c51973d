const MILLISECONDS = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 } as const

/** The longest duration that a Node timer can wait; a longer one would fire at once, so it is refused instead (596h). */
export const DURATION_MS_MAX = 2 ** 31 - 1

/** Reads `500ms`, `30s`, `5m` or `2h` as milliseconds; undefined for anything else, fractions and sums of units included. */
export function parseDuration(text: string): number | undefined {
  const match = /^(\d{1,10})(ms|s|m|h)$/.exec(text)
  if (!match) return undefined
  const [, digits = '', unit = ''] = match
  if (!isUnit(unit)) return undefined
  const ms = Number(digits) * MILLISECONDS[unit]
  return ms <= DURATION_MS_MAX ? ms : undefined
}

/** Writes whole milliseconds in the largest unit that divides them, so that `parseDuration` reads back the same number. */
export function formatDuration(ms: number): string {
  const unit = ms === 0 ? 's' : ((['h', 'm', 's'] as const).find(candidate => ms % MILLISECONDS[candidate] === 0) ?? 'ms')
  return `${ms / MILLISECONDS[unit]}${unit}`
}

function isUnit(text: string): text is keyof typeof MILLISECONDS {
  return Object.hasOwn(MILLISECONDS, text)
}
