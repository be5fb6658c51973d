import fc, { type Arbitrary } from 'fast-check'
import { formatDecimal } from '../../epoch/decimal.ts'
import { type Epoch, fromStreams, SEQUENCE_MAX, type Sequence } from '../../epoch/epoch.ts'
import type { PlainRow } from '../../epoch/plain-row.ts'
import type { RowShape } from '../../epoch/row.ts'
import { keyText } from './fact.ts'

/** A cut, and whether it is whole: a torn one holds a row stamped above the epoch. */
export interface ArbitraryCut {
  readonly epoch: Epoch
  readonly stamps: Epoch
  readonly rows: readonly PlainRow[]
  readonly whole: boolean
}

// Each of them has broken some tool that moves text between stores: quotes and escapes, what looks like NULL, both ends of UTF-8, the order of UTF-16 against bytes.
const NASTY_NAMES = [
  '',
  ' ',
  'a',
  'A',
  'NULL',
  '\\N',
  '\\',
  '\\\\',
  'a\\tb',
  "O'Brien",
  '"x"',
  'a\tb',
  'a\nb',
  'a\r\nb',
  '\b\f\v',
  '\u0001',
  '\u007f',
  '\u00e9',
  'e\u0301',
  '\u202eabc',
  '\ufeffx',
  '\ufffd',
  '\uffff',
  '\u{10000}',
  '\u{1f600}',
  '\u{10ffff}',
  'x'.repeat(300),
]

/** Sequences, small ones above all, and now and then the greatest there are. */
export function arbitrarySequence(): Arbitrary<Sequence> {
  return fc.oneof(
    { arbitrary: fc.bigInt({ min: 0n, max: 20n }), weight: 4 },
    { arbitrary: fc.bigInt({ min: 0n, max: SEQUENCE_MAX }), weight: 1 },
    { arbitrary: fc.constantFrom(SEQUENCE_MAX, SEQUENCE_MAX - 1n, 2n ** 53n, 2n ** 53n + 1n), weight: 1 },
  )
}

/** Epochs over the streams; each stream may also be left out, which is the same as standing at 0. */
export function arbitraryEpoch(streams: readonly string[] = ['dropcopy', 'cash']): Arbitrary<Epoch> {
  const components = fc.tuple(...streams.map(() => fc.option(arbitrarySequence(), { freq: 8 })))
  return components.map(sequences =>
    Object.fromEntries(
      streams.flatMap((stream, at) => {
        const sequence = sequences[at] ?? null
        return sequence === null ? [] : [[stream, sequence] as const]
      }),
    ),
  )
}

/** Canonical decimal text with at most `places` places and `digits` digits, whole part included: as a `numeric(digits, places)` column holds it. */
export function arbitraryDecimal({ digits = 38, places = 18 } = {}): Arbitrary<string> {
  const largest = 10n ** BigInt(digits) - 1n
  const unscaled = fc.oneof(
    { arbitrary: fc.bigInt({ min: -largest, max: largest }), weight: 2 },
    { arbitrary: fc.bigInt({ min: -3n, max: 3n }), weight: 2 },
    { arbitrary: fc.bigInt({ min: -9n, max: 9n }).map(units => units * 10n ** BigInt(places)), weight: 2 },
    { arbitrary: fc.constantFrom(largest, -largest), weight: 1 },
  )
  return unscaled.map(value => formatDecimal({ unscaled: value, scale: places }))
}

/** Other ways to write a decimal that is in canonical form, as a store or a person might: more zeros on either side, a plus sign, `-0`. */
export function arbitrarySpelling(canonical: string): Arbitrary<string> {
  const negative = canonical.startsWith('-')
  const magnitude = negative ? canonical.slice(1) : canonical
  const signs = negative ? ['-'] : magnitude === '0' ? ['', '+', '-'] : ['', '+']
  return fc.tuple(fc.constantFrom(...signs), fc.nat(3), fc.nat(3)).map(([sign, before, after]) => {
    const point = magnitude.includes('.') || after === 0 ? '' : '.'
    return `${sign}${'0'.repeat(before)}${magnitude}${point}${'0'.repeat(after)}`
  })
}

/** Account names: any UTF-8 that a PostgreSQL text column can hold, quotes, control characters, combining and astral ones included. */
export function arbitraryAccountName(): Arbitrary<string> {
  const anyText = fc.string({ unit: 'binary', maxLength: 6 }).map(text => text.replaceAll('\0', ''))
  return fc.oneof({ arbitrary: fc.constantFrom(...NASTY_NAMES), weight: 3 }, { arbitrary: anyText, weight: 2 })
}

/** Rows of a shape: keys all different and made of nasty names, values exact decimals. */
export function arbitraryRows(shape: RowShape, { maxLength = 20, places = 18 } = {}): Arbitrary<readonly PlainRow[]> {
  const fields = [
    ...shape.keys.map(name => [name, arbitraryAccountName()]),
    ...shape.values.map(name => [name, arbitraryDecimal({ places })]),
  ]
  const row: Arbitrary<PlainRow> = fc.record(Object.fromEntries(fields))
  return fc.uniqueArray(row, { maxLength, selector: candidate => keyText(candidate, shape) })
}

/** Cuts, whole and torn. */
export function arbitraryCut(shape: RowShape, streams: readonly string[] = ['dropcopy', 'cash']): Arbitrary<ArbitraryCut> {
  const sequence = arbitrarySequence()
  const component = fc.tuple(sequence, sequence).map(([a, b]) => (a < b ? { low: a, high: b } : { low: b, high: a }))
  const components = fc.tuple(...streams.map(() => component))
  return fc
    .record({ components, rows: arbitraryRows(shape), tear: fc.option(fc.nat(streams.length - 1), { freq: 2 }) })
    .map(({ components, rows, tear }) => {
      const epoch = fromStreams(streams, stream => components[streams.indexOf(stream)]?.high ?? 0n)
      const stamps = fromStreams(streams, stream => components[streams.indexOf(stream)]?.low ?? 0n)
      const torn = tear === null ? undefined : streams[tear]
      if (torn === undefined || epoch[torn] === SEQUENCE_MAX) return { epoch, stamps, rows, whole: true }
      return { epoch, stamps: { ...stamps, [torn]: (epoch[torn] ?? 0n) + 1n }, rows, whole: false }
    })
}
