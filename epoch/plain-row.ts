import { type CanaryRow, canaryRow } from './canary.ts'
import { compareFields, encodeLine } from './line.ts'
import { ReconError } from './recon-error.ts'
import type { RowShape } from './row.ts'

/** A row as a program holds it: a field for every key and value of the shape. Amounts are exact decimal text or bigint, never number; null is NULL. */
export type PlainRow = Readonly<Record<string, string | bigint | null>>

/** The rows, with the canary that the context asks for. */
export function withCanary(rows: readonly PlainRow[], shape: RowShape, { canary }: { readonly canary?: CanaryRow }): readonly PlainRow[] {
  return canary ? [...rows, canaryRow(shape, canary)] : rows
}

const LONE_SURROGATE = /\p{Surrogate}/u

/**
 * Writes rows as canonical lines, in byte order of their keys whatever order they come in. Throws `ReconError` with code `invalid-row`, naming
 * the row: for a field that is missing or is a number, for text that is not Unicode, and for a key that stands there twice.
 */
export function encodeRows(rows: readonly PlainRow[], shape: RowShape): Uint8Array {
  const encoded = rows.map((row, at) => encodeRow(row, at, shape)).sort((a, b) => compareTextKeys(a.key, b.key))
  for (const [at, { key }] of encoded.entries()) {
    const before = encoded[at - 1]
    if (before && compareTextKeys(before.key, key) === 0) {
      throw new ReconError(
        'invalid-row',
        `two rows have the key ${JSON.stringify(key.map(textOf))}; rows are matched by key, so sum or choose first`,
      )
    }
  }
  return Buffer.from(encoded.map(({ line }) => line).join(''))
}

interface EncodedRow {
  readonly key: readonly (Uint8Array | null)[]
  readonly line: string
}

function encodeRow(row: PlainRow, at: number, { keys, values }: RowShape): EncodedRow {
  const fields = (names: readonly string[]) => names.map(name => fieldOf(row, name, at))
  const key = fields(keys)
  return { key: key.map(field => (field === null ? null : Buffer.from(field))), line: encodeLine([...key, ...fields(values)]) }
}

function fieldOf(row: PlainRow, name: string, at: number): string | null {
  const field: unknown = Object.hasOwn(row, name) ? row[name] : undefined
  if (field === null) return null
  if (typeof field === 'bigint') return field.toString()
  if (typeof field !== 'string') {
    const given = field === undefined ? 'is missing' : `is a ${typeof field}`
    throw new ReconError('invalid-row', `row ${at}: field "${name}" ${given}; give exact text, a bigint, or null for NULL`)
  }
  if (LONE_SURROGATE.test(field))
    throw new ReconError('invalid-row', `row ${at}: field "${name}" holds half a surrogate pair, which no store can hold`)
  return field
}

function compareTextKeys(a: EncodedRow['key'], b: EncodedRow['key']): number {
  for (const [at, field] of a.entries()) {
    const order = compareFields(field, b[at] ?? null)
    if (order !== 0) return order
  }
  return 0
}

function textOf(field: Uint8Array | null): string | null {
  return field === null ? null : Buffer.from(field).toString()
}
