/** The candidate that `word` was most likely meant to be, or undefined when none is close: for "did you mean" in refusals. */
export function nearest(word: string, candidates: readonly string[]): string | undefined {
  const typed = word.toLowerCase()
  const [best] = candidates
    .map(candidate => ({ candidate, distance: editDistance(typed, candidate.toLowerCase()) }))
    // A third of the word may be wrong; a name typed only in part ("transactions") counts as close too.
    .filter(
      ({ candidate, distance }) => distance <= Math.max(2, Math.ceil(candidate.length / 3)) || isPartOf(typed, candidate.toLowerCase()),
    )
    .sort((a, b) => a.distance - b.distance)
  return best?.candidate
}

/** The end of a refusal: `; did you mean "x"?`, or the known names when none is close. */
export function suggestion(word: string, known: readonly string[]): string {
  const best = nearest(word, known)
  if (best !== undefined) return `; did you mean "${best}"?`
  return known.length === 0 ? '' : `; known here: ${known.join(', ')}`
}

function isPartOf(typed: string, candidate: string): boolean {
  return typed.length >= 4 && candidate.includes(typed)
}

/** Damerau-Levenshtein (optimal string alignment): two neighbouring letters swapped count as one slip. */
function editDistance(a: string, b: string): number {
  let beforePrevious: number[] = []
  let previous = Array.from({ length: b.length + 1 }, (_, column) => column)
  for (let row = 1; row <= a.length; row++) {
    const current = [row]
    for (let column = 1; column <= b.length; column++) {
      const substitution = at(previous, column - 1) + (a[row - 1] === b[column - 1] ? 0 : 1)
      let distance = Math.min(at(previous, column) + 1, at(current, column - 1) + 1, substitution)
      if (row > 1 && column > 1 && a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1]) {
        distance = Math.min(distance, at(beforePrevious, column - 2) + 1)
      }
      current.push(distance)
    }
    beforePrevious = previous
    previous = current
  }
  return at(previous, b.length)
}

function at(row: readonly number[], index: number): number {
  return row[index] ?? Number.POSITIVE_INFINITY
}
