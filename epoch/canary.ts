import type { Field } from './line.ts'
import type { RowShape } from './row.ts'

/**
 * One literal row that a leg carries beside its own rows, in their order, and that was never written anywhere: every key field is `key`, which no
 * real row can have, and every value is `value`, which the other leg says differently. A comparison that does not find exactly this
 * difference cannot see.
 */
export interface CanaryRow {
  /** Lower-case letters, digits and hyphens, so that it is the same in every store, quoted or not. */
  readonly key: string
  /** A whole number. */
  readonly value: string
}

/** What the two legs of a relation carry: one key, two values. */
export interface Canary {
  readonly left: CanaryRow
  readonly right: CanaryRow
}

const KEY = /^[a-z0-9-]+$/

/** The canary under a key, which must be of lower-case letters, digits and hyphens. */
export function canaryOf(key: string): Canary {
  if (!KEY.test(key)) throw new Error(`the key of a canary must be lower-case letters, digits and hyphens: ${key}`)
  return { left: { key, value: '1' }, right: { key, value: '2' } }
}

/** The row as a program holds rows. */
export function canaryRow({ keys, values }: RowShape, canary: CanaryRow): Readonly<Record<string, string>> {
  return Object.fromEntries([...keys.map(name => [name, canary.key] as const), ...values.map(name => [name, canary.value] as const)])
}

/** Whether a decoded key is that of the canary. */
export function isCanaryKey(key: readonly Field[], canary: Canary): boolean {
  const bytes = Buffer.from(canary.left.key)
  return key.every(field => field !== null && bytes.equals(field))
}
