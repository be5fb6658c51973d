import { type CompareOptions, compare } from './diff.ts'
import type { Lines } from './leg.ts'
import type { Comparison } from './mismatch.ts'
import { encodeRows, type PlainRow } from './plain-row.ts'
import type { RowShape } from './row.ts'

const MISMATCHES_LISTED = 100

/**
 * Compares two lists of rows exactly as a check compares two stores: for tests that hold both sides in memory. The rows may come in any order.
 * Lists the first 100 mismatches unless told otherwise. Rejects with `ReconError` (`invalid-row`) like `encodeRows`.
 */
export async function compareRows(
  left: readonly PlainRow[],
  right: readonly PlainRow[],
  shape: RowShape,
  options: Partial<CompareOptions> = {},
): Promise<Comparison> {
  const [l, r] = [linesOfRows(left, shape), linesOfRows(right, shape)]
  return compare(l, r, shape, { maxMismatches: MISMATCHES_LISTED, ...options })
}

/** Rows as the lines that `compare` and the legs of a relation take. Throws like `encodeRows`, before anything is read. */
export function linesOfRows(rows: readonly PlainRow[], shape: RowShape): Lines {
  return once(encodeRows(rows, shape))
}

async function* once(bytes: Uint8Array): Lines {
  if (bytes.length > 0) yield bytes
}
