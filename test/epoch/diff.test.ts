import fc, { type Arbitrary } from 'fast-check'
import { describe, expect, it } from 'vitest'
import { compare } from '../../epoch/diff.ts'
import type { Lines } from '../../epoch/leg.ts'
import { arbitraryAccountName, arbitraryDecimal, arbitrarySpelling } from '../../sim/testing/arbitraries.ts'
import { parameters } from '../../sim/testing/parameters.ts'
import { bruteForce, type Dialect, inByteOrder, type PlainLine, plain, printLine } from './reference.ts'

const SHAPE = { keys: ['account_id', 'asset'], values: ['balance', 'cost'], aggregating: false }

const key = fc.tuple(
  fc.option(arbitraryAccountName(), { freq: 12 }),
  fc.oneof(fc.constantFrom<(string | null)[]>('USD', 'BTC', null, "'", '\v'), arbitraryAccountName()),
)
const number = fc.oneof({ arbitrary: fc.constantFrom('0', '1', '1.5', '-1.5'), weight: 2 }, { arbitrary: arbitraryDecimal(), weight: 1 })
const value: Arbitrary<string | null> = fc.oneof(
  { arbitrary: number.chain(arbitrarySpelling), weight: 8 },
  { arbitrary: fc.constantFrom('NaN', 'Infinity', '-Infinity', '', 'x'), weight: 1 },
  { arbitrary: fc.constant(null), weight: 1 },
)
const line: Arbitrary<PlainLine> = fc.record({ key, values: fc.tuple(value, value) })
const byKey = { selector: (each: PlainLine) => JSON.stringify(each.key) }

/** Two sides that have much in common: the same rows, some changed, some in other words, some on one side alone. */
const sides = fc
  .uniqueArray(
    fc.record({
      line,
      other: fc.oneof(fc.constant('same'), fc.constant('same'), fc.constant('respelled'), fc.constant('left'), fc.constant('right'), value),
    }),
    {
      maxLength: 30,
      selector: each => byKey.selector(each.line),
    },
  )
  .chain(pairs => fc.record({ pairs: fc.constant(pairs), zeros: fc.infiniteStream(fc.nat(2)) }))
  .map(({ pairs, zeros }) => {
    const respell = (text: string | null) => {
      if (text === null || !/^[+-]?\d+(\.\d*)?$/.test(text)) return text
      const more = '0'.repeat(zeros.next().value)
      return text.includes('.') ? text + more : more === '' ? text : `${text}.${more}`
    }
    const left = pairs.filter(({ other }) => other !== 'right').map(each => each.line)
    const right = pairs.flatMap(({ line: each, other }) => {
      if (other === 'left') return []
      if (other === 'same' || other === 'right') return [each]
      if (other === 'respelled') return [{ key: each.key, values: each.values.map(respell) }]
      return [{ key: each.key, values: [other, ...each.values.slice(1)] }]
    })
    return { left, right }
  })

const cuts = fc.array(
  fc.oneof({ arbitrary: fc.integer({ min: 0, max: 3 }), weight: 1 }, { arbitrary: fc.integer({ min: 4, max: 200 }), weight: 1 }),
  { minLength: 1, maxLength: 8 },
)
const dialect = fc.constantFrom<Dialect[]>('postgres', 'clickhouse')

/** The bytes in chunks of these sizes over and over; a size of 0 is an empty chunk, and at least one size is not. */
async function* inChunks(bytes: Uint8Array, sizes: readonly number[]): Lines {
  const turns = [...sizes, 7]
  for (let at = 0, turn = 0; at < bytes.length; turn++) {
    const size = turns[turn % turns.length] ?? 7
    yield bytes.subarray(at, at + size)
    at += size
  }
}

function print(lines: readonly PlainLine[], as: Dialect): Buffer {
  return Buffer.concat(inByteOrder(lines).map(each => printLine(each, as)))
}

const NOT_NAMED = { maxMismatches: 1_000 }

describe('the diff', () => {
  it('finds what a brute-force comparison finds, whatever the names, the dialects and the chunks', async () => {
    await fc.assert(
      fc.asyncProperty(
        sides,
        dialect,
        dialect,
        cuts,
        cuts,
        fc.boolean(),
        async ({ left, right }, leftDialect, rightDialect, leftCuts, rightCuts, aggregating) => {
          const expected = bruteForce(left, right, aggregating)
          const found = await compare(
            inChunks(print(left, leftDialect), leftCuts),
            inChunks(print(right, rightDialect), rightCuts),
            { ...SHAPE, aggregating },
            NOT_NAMED,
          )
          expect({
            keys: Number(found.keysCompared),
            count: Number(found.mismatchCount),
            mismatches: found.mismatches.map(({ key: k, kind, difference }) => ({
              key: [k['account_id'], k['asset']],
              kind,
              difference: [difference['balance'], difference['cost']],
            })),
          }).toEqual({ keys: expected.keys, count: expected.mismatches.length, mismatches: expected.mismatches })
          const leftByKey = new Map(left.map(each => [byKey.selector(each), each.values.map(plain)]))
          const rightByKey = new Map(right.map(each => [byKey.selector(each), each.values.map(plain)]))
          for (const mismatch of found.mismatches) {
            const named = JSON.stringify([mismatch.key['account_id'], mismatch.key['asset']])
            expect(mismatch.left && [mismatch.left['balance'], mismatch.left['cost']]).toEqual(leftByKey.get(named) ?? null)
            expect(mismatch.right && [mismatch.right['balance'], mismatch.right['cost']]).toEqual(rightByKey.get(named) ?? null)
          }
        },
      ),
      parameters({ numRuns: 1_500 }),
    )
  })

  it('finds the same whichever side is called left', async () => {
    await fc.assert(
      fc.asyncProperty(sides, cuts, async ({ left, right }, sizes) => {
        const [l, r] = [print(left, 'postgres'), print(right, 'clickhouse')]
        const there = await compare(inChunks(l, sizes), inChunks(r, [5]), SHAPE, NOT_NAMED)
        const back = await compare(inChunks(r, [3]), inChunks(l, sizes), SHAPE, NOT_NAMED)
        const mirrored = { value: 'value', 'missing-left': 'missing-right', 'missing-right': 'missing-left' } as const
        expect(back.mismatches.map(({ key: k, kind, left: a, right: b }) => ({ key: k, kind: mirrored[kind], left: b, right: a }))).toEqual(
          there.mismatches.map(({ key: k, kind, left: a, right: b }) => ({ key: k, kind, left: a, right: b })),
        )
      }),
      parameters({ numRuns: 300 }),
    )
  })

  it('counts every mismatch and lists the first ones in key order, as many as it may', async () => {
    await fc.assert(
      fc.asyncProperty(sides, fc.nat(6), async ({ left, right }, maxMismatches) => {
        const expected = bruteForce(left, right, false).mismatches
        const found = await compare(inChunks(print(left, 'postgres'), [50]), inChunks(print(right, 'postgres'), [50]), SHAPE, {
          maxMismatches,
        })
        expect(found.mismatchCount).toBe(BigInt(expected.length))
        expect(found.mismatches.map(({ key: k }) => [k['account_id'], k['asset']])).toEqual(
          expected.slice(0, maxMismatches).map(({ key: k }) => k),
        )
      }),
      parameters({ numRuns: 300 }),
    )
  })

  it('compares runs of equal bytes of more than a mebibyte, and the rows on either side of them', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.uniqueArray(fc.nat(24_999), { maxLength: 4 }),
        fc.uniqueArray(fc.nat(24_999), { maxLength: 3 }),
        fc.integer({ min: 1, max: 300_000 }),
        async (changed, dropped, size) => {
          const lines = Array.from({ length: 25_000 }, (_, at) => ({
            key: [`account-${String(at).padStart(9, '0')}`, 'USD'],
            values: [`${at}.000000000000000001`, '0'],
          }))
          const right = lines
            .map((each, at) => (changed.includes(at) ? { key: each.key, values: [`${at}.000000000000000002`, '0'] } : each))
            .filter((_, at) => !dropped.includes(at))
          const [l, r] = [lines, right].map(each => Buffer.concat(each.map(one => printLine(one, 'postgres'))))
          expect(l?.length).toBeGreaterThan(1 << 20)
          const found = await compare(
            inChunks(l ?? Buffer.alloc(0), [size, size]),
            inChunks(r ?? Buffer.alloc(0), [300_000, 1 << 20]),
            SHAPE,
            NOT_NAMED,
          )
          expect(found.keysCompared).toBe(25_000n)
          const touched = [...new Set([...changed, ...dropped])].sort((a, b) => a - b)
          expect(found.mismatches.map(({ key: k }) => k['account_id'])).toEqual(touched.map(at => `account-${String(at).padStart(9, '0')}`))
        },
      ),
      parameters({ numRuns: 5 }),
    )
  })

  it('counts a flood of mismatches without keeping it', async () => {
    const flood = (cents: string) =>
      Array.from({ length: 30_000 }, (_, at) => ({ key: [String(at).padStart(6, '0'), 'USD'], values: [`${at}.${cents}`, '0'] }))
    const found = await compare(
      inChunks(print(flood('10'), 'postgres'), [65_536]),
      inChunks(print(flood('11'), 'clickhouse'), [9_999]),
      SHAPE,
      { maxMismatches: 3 },
    )
    expect(found).toMatchObject({ keysCompared: 30_000n, mismatchCount: 30_000n })
    expect(found.mismatches.map(({ difference }) => difference)).toEqual(Array(3).fill({ balance: '-0.01', cost: '0' }))
  })

  it('takes a sum of zero for an absent key in an aggregating relation, and nowhere else', async () => {
    const zero = { key: ['A', 'USD'], values: ['0.00', '-0'] }
    const run = (aggregating: boolean) =>
      compare(inChunks(print([zero], 'postgres'), [5]), inChunks(Buffer.alloc(0), [1]), { ...SHAPE, aggregating }, NOT_NAMED)
    expect(await run(true)).toMatchObject({ keysCompared: 1n, mismatchCount: 0n })
    expect(await run(false)).toMatchObject({
      keysCompared: 1n,
      mismatchCount: 1n,
      mismatches: [{ kind: 'missing-right', left: { balance: '0', cost: '0' }, right: null }],
    })
  })
})

describe('the diff refuses', () => {
  const text = (value_: string) => inChunks(Buffer.from(value_), [3])
  const empty = () => inChunks(Buffer.alloc(0), [1])
  const refusal = (left: Lines, right: Lines) => compare(left, right, SHAPE, NOT_NAMED)

  it.each([
    ['rows that descend', 'b\tx\t1\t1\na\tx\t1\t1\n'],
    ['a key that comes twice', 'a\tx\t1\t1\na\tx\t2\t1\n'],
    ['NULL before a text', '\\N\tx\t1\t1\na\tx\t1\t1\n'],
    ['the order of UTF-16 code units', '\u{10000}\tx\t1\t1\n\uffff\tx\t1\t1\n'],
  ])('%s', async (_what, lines) => {
    await expect(refusal(text(lines), empty())).rejects.toMatchObject({ code: 'unordered-leg', message: expect.stringContaining('left') })
    await expect(refusal(empty(), text(lines))).rejects.toMatchObject({ code: 'unordered-leg', message: expect.stringContaining('right') })
  })

  it('rows out of order anywhere among rows in order', async () => {
    const sorted = fc.uniqueArray(line, { ...byKey, minLength: 2, maxLength: 20 }).map(inByteOrder)
    await fc.assert(
      fc.asyncProperty(sorted, fc.nat(), cuts, async (lines, nth, sizes) => {
        const at = nth % (lines.length - 1)
        const swapped = [...lines.slice(0, at), ...lines.slice(at, at + 2).reverse(), ...lines.slice(at + 2)]
        const bytes = Buffer.concat(swapped.map(each => printLine(each, 'postgres')))
        await expect(refusal(inChunks(bytes, sizes), empty())).rejects.toMatchObject({ code: 'unordered-leg' })
        const sound = Buffer.concat(lines.map(each => printLine(each, 'postgres')))
        await expect(refusal(inChunks(bytes, sizes), inChunks(sound, sizes))).rejects.toMatchObject({ code: 'unordered-leg' })
      }),
      parameters({ numRuns: 200 }),
    )
  })

  it.each([
    ['a field too few', 'a\tx\t1\n'],
    ['a field too many', 'a\tx\t1\t1\t1\n'],
    ['an empty line', '\n'],
    ['an answer that ends within a line', 'a\tx\t1\t1\nb\tx\t1\t'],
  ])('%s', async (_what, lines) => {
    await expect(refusal(text(lines), empty())).rejects.toMatchObject({ name: 'ReconError', code: 'malformed-line' })
    await expect(refusal(text('0\tx\t1\t1\n'), text(lines))).rejects.toMatchObject({ name: 'ReconError', code: 'malformed-line' })
  })
})

describe('the diff ends both sides', () => {
  /** More rows than any of these tests should ever read, counting how many of its sources are still open. */
  function many(open: { count: number }, account: (at: number) => string): Lines {
    open.count++
    return (async function* () {
      try {
        for (let at = 0; at < 20_000; at++) yield Buffer.from(`${account(at)}\tUSD\t1\t1\n`)
      } finally {
        open.count--
      }
    })()
  }
  const ascending = (at: number) => String(at).padStart(12, '0')

  it('when its signal aborts, with the reason of the signal', async () => {
    const open = { count: 0 }
    const abort = new AbortController()
    const stopAt = (at: number) => {
      if (at === 500) abort.abort(new Error('enough'))
      return ascending(at)
    }
    await expect(compare(many(open, stopAt), many(open, ascending), SHAPE, { ...NOT_NAMED, signal: abort.signal })).rejects.toThrow(
      'enough',
    )
    expect(open.count).toBe(0)
  })

  it('when one of them fails', async () => {
    const open = { count: 0 }
    const fail = (at: number) => {
      if (at === 50) throw new Error('lost the connection')
      return ascending(at)
    }
    await expect(compare(many(open, ascending), many(open, fail), SHAPE, NOT_NAMED)).rejects.toThrow('lost the connection')
    expect(open.count).toBe(0)
  })

  it('when one of them is out of order', async () => {
    const open = { count: 0 }
    await expect(
      compare(
        many(open, ascending),
        many(open, at => ascending(at === 9 ? 0 : at)),
        SHAPE,
        NOT_NAMED,
      ),
    ).rejects.toMatchObject({ code: 'unordered-leg' })
    expect(open.count).toBe(0)
  })
})
