import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { compareRows } from '../../epoch/compare-rows.ts'
import { decodeLine, fieldText } from '../../epoch/line.ts'
import { encodeRows, type PlainRow } from '../../epoch/plain-row.ts'
import { arbitraryRows } from '../../sim/testing/arbitraries.ts'
import { parameters } from '../../sim/testing/parameters.ts'
import { inByteOrder } from './reference.ts'

const SHAPE = { keys: ['account_id', 'asset'], values: ['balance'], aggregating: false }
const rows = arbitraryRows(SHAPE)
const shuffled = rows.chain(some => fc.shuffledSubarray([...some], { minLength: some.length }))

describe('plain rows', () => {
  it('become lines in byte order, whatever order they come in', () => {
    fc.assert(
      fc.property(shuffled, some => {
        const text = Buffer.from(encodeRows(some, SHAPE))
        const lines: (string | null)[][] = []
        for (let at = 0; at < text.length; at = text.indexOf(0x0a, at) + 1)
          lines.push(decodeLine(text.subarray(at, text.indexOf(0x0a, at))).map(fieldText))
        const expected = inByteOrder(
          some.map(row => ({ key: [String(row['account_id']), String(row['asset'])], values: [String(row['balance'])] })),
        )
        expect(lines).toEqual(expected.map(({ key, values }) => [...key, ...values]))
      }),
      parameters({ numRuns: 300 }),
    )
  })

  it('are equal to themselves in any order, and differ by exactly what is done to one of them', async () => {
    await fc.assert(
      fc.asyncProperty(shuffled, rows, fc.nat(), async (some, _others, nth) => {
        expect(await compareRows(some, some.toReversed(), SHAPE)).toEqual({
          keysCompared: BigInt(some.length),
          mismatchCount: 0n,
          mismatches: [],
        })
        const victim = some[nth % Math.max(1, some.length)]
        if (!victim) return
        const without = await compareRows(
          some,
          some.filter(row => row !== victim),
          SHAPE,
        )
        const { account_id, asset, balance } = victim
        expect(without.mismatches).toMatchObject([{ key: { account_id, asset }, kind: 'missing-right', left: { balance }, right: null }])
        const changed = await compareRows(
          some,
          some.map(row => (row === victim ? { ...row, balance: `${row['balance']}`.startsWith('1') ? '2' : '1' } : row)),
          SHAPE,
        )
        expect(changed.mismatches).toMatchObject([{ key: { account_id, asset }, kind: 'value' }])
      }),
      parameters({ numRuns: 300 }),
    )
  })

  it('take a bigint for an amount, null for NULL, and list as many mismatches as asked for', async () => {
    const left: PlainRow[] = [
      { account_id: 'A', asset: 'USD', balance: 2n ** 70n },
      { account_id: null, asset: 'USD', balance: null },
    ]
    const right: PlainRow[] = [
      { account_id: 'A', asset: 'USD', balance: '1180591620717411303424.00' },
      { account_id: null, asset: 'USD', balance: '0' },
    ]
    expect(await compareRows(left, right, SHAPE, { maxMismatches: 0 })).toEqual({ keysCompared: 2n, mismatchCount: 1n, mismatches: [] })
    expect((await compareRows(left, right, SHAPE)).mismatches).toMatchObject([
      { key: { account_id: null }, left: { balance: null }, right: { balance: '0' }, difference: {} },
    ])
  })

  it.each<[string, readonly unknown[], string]>([
    ['a missing field', [{ account_id: 'A', asset: 'USD' }], 'row 0: field "balance" is missing'],
    ['a number, which may have lost digits', [{ account_id: 'A', asset: 'USD', balance: 0.1 }], 'field "balance" is a number'],
    ['half a surrogate pair', [{ account_id: '\ud800', asset: 'USD', balance: '1' }], 'half a surrogate pair'],
    [
      'a key that stands there twice',
      [
        { account_id: 'A', asset: 'x', balance: '1' },
        { account_id: 'A', asset: 'x', balance: '2' },
      ],
      'two rows have the key ["A","x"]',
    ],
  ])('refuse %s', async (_what, some, message) => {
    const given = some.filter((row): row is PlainRow => typeof row === 'object')
    await expect(compareRows(given, [], SHAPE)).rejects.toMatchObject({ code: 'invalid-row', message: expect.stringContaining(message) })
    await expect(compareRows([], given, SHAPE)).rejects.toMatchObject({ code: 'invalid-row' })
  })
})
