import { canonicalDecimal, placesOf, tryParseDecimal } from '../../epoch/decimal.ts'
import type { Sequence } from '../../epoch/epoch.ts'
import type { PlainRow } from '../../epoch/plain-row.ts'
import { ReconError } from '../../epoch/recon-error.ts'
import type { RowShape } from '../../epoch/row.ts'

/** Something that happened: at a place in a stream, under a content address of its own, and what it adds to the values of one key. */
export interface Fact {
  readonly stream: string
  readonly sequence: Sequence
  /** The content address: unique per fact, the same when it is delivered again. */
  readonly id: string
  /** The key fields and, as exact decimals, what is added to each value. */
  readonly row: PlainRow
}

/** The key of a row as text that is the same for equal keys alone. */
export function keyText(row: PlainRow, shape: RowShape): string {
  return JSON.stringify(shape.keys.map(name => (typeof row[name] === 'bigint' ? String(row[name]) : (row[name] ?? null))))
}

/**
 * The values of a row as canonical decimals. Throws `ReconError` with code `invalid-amount`, naming the field, for what is no decimal and for an amount with more
 * places than the column has: a store would round it or cut it off, and the two sides would never agree again.
 */
export function amountsOf(row: PlainRow, shape: RowShape, places: number): Readonly<Record<string, string>> {
  return Object.fromEntries(
    shape.values.map(name => {
      const text = String(row[name] ?? '')
      const decimal = tryParseDecimal(text)
      if (!decimal)
        throw new ReconError('invalid-amount', `field "${name}": ${JSON.stringify(text)} is not a plain decimal such as "-12.34"`)
      if (placesOf(decimal) > places) {
        throw new ReconError(
          'invalid-amount',
          `field "${name}": ${text} has ${placesOf(decimal)} places and the column has ${places}; round it where it is made`,
        )
      }
      return [name, canonicalDecimal(text)]
    }),
  )
}
