/** How a figure was spread over its measurements; null where there was none. */
export interface Distribution {
  readonly min: number
  readonly p50: number
  readonly p90: number
  readonly p99: number
  readonly max: number
}

/** Sums up measurements: each percentile is one of them, the least that so many do not exceed. */
export function distributionOf(measurements: readonly number[]): Distribution | null {
  const sorted = measurements.toSorted((a, b) => a - b)
  const [min, max] = [sorted.at(0), sorted.at(-1)]
  if (min === undefined || max === undefined) return null
  const percentile = (percent: number) => sorted[Math.ceil((percent / 100) * sorted.length) - 1] ?? min
  return { min, p50: percentile(50), p90: percentile(90), p99: percentile(99), max }
}
