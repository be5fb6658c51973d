import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { compareFields, decodeLine, encodeLine, fieldText } from '../../epoch/line.ts'
import { arbitraryAccountName } from '../../sim/testing/arbitraries.ts'
import { parameters } from '../../sim/testing/parameters.ts'
import { printLine } from './reference.ts'

const field = fc.option(fc.oneof(arbitraryAccountName(), fc.string({ unit: 'binary' })), { freq: 6 })
const fields = fc.array(field, { minLength: 1, maxLength: 6 })
const many = parameters({ numRuns: 1_000 })

describe('a line', () => {
  it('gives back the fields that it was made of', () => {
    fc.assert(
      fc.property(fields, each => {
        const line = Buffer.from(encodeLine(each))
        expect(line.indexOf(0x0a)).toBe(line.length - 1)
        expect(decodeLine(line.subarray(0, -1)).map(fieldText)).toEqual(each)
      }),
      many,
    )
  })

  it('is read alike from either store', () => {
    fc.assert(
      fc.property(fields, each => {
        const text = each.map(one => one?.replaceAll('\0', '') ?? null)
        for (const dialect of ['postgres', 'clickhouse'] as const) {
          const line = printLine({ key: text, values: [] }, dialect)
          expect(decodeLine(line.subarray(0, -1)).map(fieldText)).toEqual(text)
        }
      }),
      many,
    )
  })

  it('keeps bytes that are not UTF-8 apart from each other', () => {
    const [a, b] = [decodeLine(Buffer.from([0x61, 0xff])), decodeLine(Buffer.from([0x61, 0xfe]))]
    expect(a.map(fieldText)).toEqual(['a\\xff'])
    expect(b.map(fieldText)).toEqual(['a\\xfe'])
    expect(compareFields(a[0] ?? null, b[0] ?? null)).toBeGreaterThan(0)
  })

  it('keeps a text that looks like NULL apart from NULL', () => {
    expect(decodeLine(Buffer.from(encodeLine(['\\N', null, 'N']).slice(0, -1))).map(fieldText)).toEqual(['\\N', null, 'N'])
  })
})

describe('the order of fields', () => {
  it('is that of their bytes, NULL last', () => {
    fc.assert(
      fc.property(field, field, (a, b) => {
        const encode = (one: string | null) => (one === null ? null : new TextEncoder().encode(one))
        const code = (one: string | null) => (one === null ? '\u{10ffff}\u{10ffff}' : one)
        const [x, y] = [Array.from(code(a), char => char.codePointAt(0) ?? 0), Array.from(code(b), char => char.codePointAt(0) ?? 0)]
        const at = x.findIndex((point, nth) => point !== y[nth])
        const expected =
          a === null || b === null
            ? Number(a === null) - Number(b === null)
            : at === -1
              ? x.length - y.length
              : (x[at] ?? 0) - (y[at] ?? -1)
        expect(Math.sign(compareFields(encode(a), encode(b)))).toBe(Math.sign(expected))
      }),
      many,
    )
  })
})
