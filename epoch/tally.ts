import { type Canary, type CanaryRow, isCanaryKey } from './canary.ts'
import { formatDecimal, isZeroDecimal, subtractDecimals, tryParseDecimal, ZERO } from './decimal.ts'
import { compareFields, type Field, fieldText } from './line.ts'
import type { Comparison, Mismatch, NamedFields } from './mismatch.ts'
import type { Row, RowShape } from './row.ts'

/** Counts keys and mismatches, and keeps the first of them. */
export class Tally {
  keysCompared = 0n
  #mismatchCount = 0n
  readonly #mismatches: Mismatch[] = []
  readonly #shape: RowShape
  readonly #maxMismatches: number
  readonly #canary: Canary | undefined
  #canaryFound = false

  constructor(shape: RowShape, maxMismatches: number, canary?: Canary) {
    this.#shape = shape
    this.#maxMismatches = maxMismatches
    this.#canary = canary
  }

  /** What was found so far. */
  get comparison(): Comparison {
    const found = this.#canary ? { canaryFound: this.#canaryFound } : {}
    return { keysCompared: this.keysCompared, mismatchCount: this.#mismatchCount, mismatches: this.#mismatches, ...found }
  }

  /** Judges one key, present on at least one side. */
  judge(left: Row | undefined, right: Row | undefined): void {
    const row = left ?? right
    if (!row) return
    if (this.#canary && isCanaryKey(row.key, this.#canary)) {
      this.#canaryFound = isExactly(left, this.#canary.left) && isExactly(right, this.#canary.right)
      return
    }
    this.keysCompared++
    if (this.#agree(left, right)) return
    this.#mismatchCount++
    if (this.#mismatches.length < this.#maxMismatches) this.#mismatches.push(this.#describe(row.key, left, right))
  }

  #agree(left: Row | undefined, right: Row | undefined): boolean {
    if (left && right) return left.values.every((value, at) => sameValue(value, right.values[at] ?? null))
    const present = left ?? right
    return this.#shape.aggregating && (present?.values ?? []).every(isZeroField)
  }

  #describe(key: readonly Field[], left: Row | undefined, right: Row | undefined): Mismatch {
    const kind = left === undefined ? 'missing-left' : right === undefined ? 'missing-right' : 'value'
    return {
      key: this.#name(this.#shape.keys, key),
      kind,
      left: left ? this.#nameValues(left.values) : null,
      right: right ? this.#nameValues(right.values) : null,
      difference: this.#difference(left?.values, right?.values),
    }
  }

  #name(names: readonly string[], fields: readonly Field[]): NamedFields {
    return Object.fromEntries(names.map((name, at) => [name, fieldText(fields[at] ?? null)]))
  }

  #nameValues(values: readonly Field[]): NamedFields {
    return this.#name(this.#shape.values, values.map(canonicalField))
  }

  #difference(left: readonly Field[] | undefined, right: readonly Field[] | undefined): Readonly<Record<string, string>> {
    const entries = this.#shape.values.map((name, at) => {
      const [l, r] = [left ? decimalOf(left[at] ?? null) : ZERO, right ? decimalOf(right[at] ?? null) : ZERO]
      return l && r ? ([name, formatDecimal(subtractDecimals(l, r))] as const) : undefined
    })
    return Object.fromEntries(entries.filter(entry => entry !== undefined))
  }
}

function isExactly(row: Row | undefined, { value }: CanaryRow): boolean {
  return row?.values.every(field => fieldText(field) === value) ?? false
}

/** Equal bytes are equal; else both must be numbers, and the same number. NULL equals NULL alone. */
function sameValue(a: Field, b: Field): boolean {
  if (compareFields(a, b) === 0) return true
  const [x, y] = [decimalOf(a), decimalOf(b)]
  return x !== undefined && y !== undefined && isZeroDecimal(subtractDecimals(x, y))
}

function isZeroField(field: Field): boolean {
  const decimal = decimalOf(field)
  return decimal !== undefined && isZeroDecimal(decimal)
}

function decimalOf(field: Field) {
  const text = fieldText(field)
  return text === null ? undefined : tryParseDecimal(text)
}

function canonicalField(field: Field): Field {
  const decimal = decimalOf(field)
  return decimal ? Buffer.from(formatDecimal(decimal)) : field
}
