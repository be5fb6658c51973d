import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  addDecimals,
  canonicalDecimal,
  compareDecimals,
  formatDecimal,
  isZeroDecimal,
  negateDecimal,
  parseDecimal,
  placesOf,
  subtractDecimals,
  tryParseDecimal,
} from '../../epoch/decimal.ts'
import { arbitraryDecimal, arbitrarySpelling } from '../../sim/testing/arbitraries.ts'
import { parameters } from '../../sim/testing/parameters.ts'
import { fixed, plain, subtractText } from './reference.ts'

const canonical = fc.oneof(arbitraryDecimal(), arbitraryDecimal({ digits: 76, places: 40 }), fc.bigInt().map(String))
const spelled = canonical.chain(arbitrarySpelling)
const many = parameters({ numRuns: 1_000 })

describe('a decimal', () => {
  it('has one canonical text, however it was written', () => {
    fc.assert(
      fc.property(
        canonical.chain(text => fc.record({ text: fc.constant(text), spelling: arbitrarySpelling(text) })),
        ({ text, spelling }) => {
          expect(canonicalDecimal(spelling)).toBe(plain(spelling))
          expect(canonicalDecimal(spelling)).toBe(text)
          expect(canonicalDecimal(text)).toBe(text)
          expect(text).toMatch(/^(-?(0|[1-9]\d*)\.\d*[1-9]|-?[1-9]\d*|0)$/)
        },
      ),
      many,
    )
  })

  it('is added, subtracted, negated and compared as bigint does it', () => {
    fc.assert(
      fc.property(spelled, spelled, (a, b) => {
        const [x, y] = [parseDecimal(a), parseDecimal(b)]
        expect(formatDecimal(subtractDecimals(x, y))).toBe(subtractText(a, b))
        expect(fixed(formatDecimal(addDecimals(x, y)))).toBe(fixed(a) + fixed(b))
        expect(fixed(formatDecimal(negateDecimal(x)))).toBe(-fixed(a))
        expect(Math.sign(compareDecimals(x, y))).toBe(fixed(a) < fixed(b) ? -1 : fixed(a) > fixed(b) ? 1 : 0)
        expect(isZeroDecimal(x)).toBe(fixed(a) === 0n)
        expect(placesOf(x)).toBe((plain(a)?.split('.')[1] ?? '').length)
      }),
      many,
    )
  })

  it('keeps a difference of the last place at any size', () => {
    const [most, less] = [`${'9'.repeat(58)}.${'9'.repeat(18)}`, `${'9'.repeat(58)}.${'9'.repeat(17)}8`]
    expect(formatDecimal(subtractDecimals(parseDecimal(most), parseDecimal(less)))).toBe('0.000000000000000001')
    expect(formatDecimal(subtractDecimals(parseDecimal(less), parseDecimal(most)))).toBe('-0.000000000000000001')
  })

  it.each([
    ['.5', '0.5'],
    ['5.', '5'],
    ['+1.50', '1.5'],
    ['-0', '0'],
    ['-0.000', '0'],
    ['00012', '12'],
    ['-.10', '-0.1'],
  ])('reads %s as %s', (text, value) => {
    expect(canonicalDecimal(text)).toBe(value)
  })

  it.each([
    '',
    '.',
    '-',
    '+',
    '1e3',
    '1E-7',
    'NaN',
    'Infinity',
    '-Infinity',
    ' 1',
    '1 ',
    '1\n',
    '1,5',
    '1_000',
    '0x1',
    '١',
    '--1',
    '1.2.3',
  ])('refuses %j', text => {
    expect(tryParseDecimal(text)).toBeUndefined()
    expect(() => parseDecimal(text)).toThrow(
      expect.objectContaining({ code: 'invalid-decimal', message: expect.stringContaining(JSON.stringify(text)) }),
    )
  })
})
