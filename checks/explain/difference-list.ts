import { type DifferenceCounts, type FactDifference, NO_DIFFERENCES } from './difference.ts'

/** The differences of one key, as many as may be listed; all of them are counted, and the first of each stream is kept whatever the limit. */
export interface DifferenceList {
  readonly listed: readonly FactDifference[]
  readonly counts: DifferenceCounts
  readonly firsts: readonly FactDifference[]
}

/** Collects differences that come in the order of stream and sequence. */
export class DifferenceCollector implements DifferenceList {
  readonly listed: FactDifference[] = []
  readonly counts = { ...NO_DIFFERENCES }
  readonly #firsts = new Map<string, FactDifference>()
  readonly #limit: number

  constructor(limit: number) {
    this.#limit = limit
  }

  get firsts(): readonly FactDifference[] {
    return [...this.#firsts.values()]
  }

  add(difference: FactDifference): void {
    this.counts[difference.kind] += 1n
    if (this.listed.length < this.#limit) this.listed.push(difference)
    if (!this.#firsts.has(difference.stream)) this.#firsts.set(difference.stream, difference)
  }
}

/** Puts two lists of one key together, in the order of their sequences, as many as may be listed. */
export function joinDifferences(a: DifferenceList, b: DifferenceList, limit: number): DifferenceList {
  const inOrder = [...a.listed, ...b.listed].sort((x, y) => (x.sequence < y.sequence ? -1 : x.sequence > y.sequence ? 1 : 0))
  return {
    listed: inOrder.slice(0, limit),
    counts: {
      missing: a.counts.missing + b.counts.missing,
      extra: a.counts.extra + b.counts.extra,
      altered: a.counts.altered + b.counts.altered,
      duplicated: a.counts.duplicated + b.counts.duplicated,
    },
    firsts: [...a.firsts, ...b.firsts],
  }
}
