import { compareFields, type Field, fieldText } from './line.ts'

/** What the lines of a relation hold: the key fields in order, then the values, all of them exact decimals. */
export interface RowShape {
  readonly keys: readonly string[]
  readonly values: readonly string[]
  /** Where values are sums, a key with the value zero and a key that is absent are the same; elsewhere presence is a value. */
  readonly aggregating: boolean
}

/** A decoded line. */
export interface Row {
  readonly key: readonly Field[]
  readonly values: readonly Field[]
}

/** Orders two keys field by field, in byte order. */
export function compareKeys(a: readonly Field[], b: readonly Field[]): number {
  for (let at = 0; at < a.length; at++) {
    const order = compareFields(a[at] ?? null, b[at] ?? null)
    if (order !== 0) return order
  }
  return 0
}

/** Writes a key for an error message. */
export function describeKey(key: readonly Field[]): string {
  return JSON.stringify(key.map(fieldText))
}
