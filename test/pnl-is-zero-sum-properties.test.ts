import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type MergeOptions, mergeMarks } from '../checks/zero-sum/merge-marks.ts'
import { canaryOf } from '../epoch/canary.ts'
import { moneyText, quantityText } from '../sim/exchange/fixed-point.ts'
import { parameters } from '../sim/testing/parameters.ts'
import { inByteOrder, type PlainLine, printLine } from './epoch/reference.ts'

/** What is done to one account and symbol of a cycle that is right; `nothing` and `repeated` are no faults. */
const strikes = [
  'nothing',
  'repeated',
  'missing',
  'price',
  'unrealized',
  'realized',
  'position realized',
  'transactions',
  'strayed',
  'conflict',
  'phantom',
] as const
type Strike = (typeof strikes)[number]

const FOUND: Readonly<Record<Strike, string | undefined>> = {
  nothing: undefined,
  repeated: undefined,
  missing: 'mark-missing',
  price: 'mark-price-differs',
  unrealized: 'unrealized-differs',
  realized: 'realized-differs',
  'position realized': 'realized-differs',
  transactions: 'realized-differs',
  strayed: 'mark-epoch-differs',
  conflict: 'conflicting-duplicate',
  phantom: 'mark-unexpected',
}

/** A position in units of 10^-9 (quantity) and 10^-18, and what happens to its mark. */
interface Holding {
  readonly account: string
  readonly symbol: string
  readonly quantity: bigint
  readonly cost: bigint
  readonly realized: bigint
  readonly strike: Strike
}

const prices: ReadonlyMap<string, bigint> = new Map([
  ['GOLD', 2_391_400_000_001n],
  ['OIL', 1n],
  ["it's\ta \\ symbol", 999_999_999n],
])
const canary = canaryOf('recon-canary-test')
const OFF = 1n

const name = fc.oneof(
  fc.constantFrom('A', 'AA', 'a', 'A\tB', 'A\\', '', 'Z\u{1f980}', '\ufffd', 'recon', 'recon-canary-tesu', "O'B"),
  fc.string({ unit: 'grapheme', maxLength: 4 }),
)
const amount = fc.oneof(fc.constant(0n), fc.bigInt(-(10n ** 6n), 10n ** 6n), fc.bigInt(-(10n ** 32n), 10n ** 32n))
const holdings: fc.Arbitrary<readonly Holding[]> = fc
  .uniqueArray(
    fc.record({
      account: name,
      symbol: fc.constantFrom(...prices.keys()),
      quantity: fc.oneof(fc.constant(0n), fc.bigInt(-(10n ** 15n), 10n ** 15n)),
      cost: amount,
      realized: amount,
      strike: fc.oneof({ arbitrary: fc.constant('nothing' as const), weight: 4 }, { arbitrary: fc.constantFrom(...strikes), weight: 1 }),
    }),
    { selector: ({ account, symbol }) => JSON.stringify([account, symbol]), maxLength: 40 },
  )
  .map(squared)

/** Adds for each symbol the counterparty of all: what every holding comes to together is nothing, as trading makes it. */
function squared(parts: readonly Holding[]): readonly Holding[] {
  const others = [...prices.keys()].map((symbol): Holding => {
    const of = parts.filter(part => part.symbol === symbol)
    const total = (pick: (part: Holding) => bigint) => of.reduce((sum, part) => sum - pick(part), 0n)
    return {
      account: 'the counterparty',
      symbol,
      quantity: total(p => p.quantity),
      cost: total(p => p.cost),
      realized: total(p => p.realized),
      strike: 'nothing',
    }
  })
  return [...parts.filter(({ account }) => account !== 'the counterparty'), ...others]
}

/** The three sides as the stores print them, and what must be found: written down as the strikes are made, without a merge. */
function play(cycle: readonly Holding[]) {
  const marks: PlainLine[] = [canaryLine('1', '1', '1', '', '', '')]
  const positions: PlainLine[] = [canaryLine('2', '2', '2')]
  const transactions: PlainLine[] = [canaryLine('2')]
  const findings: string[] = []
  const sums = new Map<string, bigint>()
  for (const { account, symbol, quantity, cost, realized, strike } of cycle) {
    const key = [account, symbol]
    const price = (prices.get(symbol) ?? 0n) + (strike === 'price' ? OFF : 0n)
    const unrealized = quantity * price - cost + (strike === 'unrealized' ? OFF : 0n)
    const marked = realized + (strike === 'realized' ? OFF : 0n)
    const mark = (more: bigint, strayed: string) => {
      marks.push({ key, values: [quantityText(price), moneyText(marked), moneyText(unrealized + more), strayed, 'USD', '2026'] })
      return marked + unrealized + more
    }
    let sum = 0n
    if (strike !== 'missing') sum += mark(0n, strike === 'strayed' ? 'dropcopy 7' : '')
    if (strike === 'repeated') mark(0n, '')
    if (strike === 'conflict') sum += mark(OFF, '')
    if (strike !== 'phantom') {
      const held = realized + (strike === 'position realized' ? OFF : 0n)
      positions.push({ key, values: [quantityText(quantity), moneyText(cost), moneyText(held)] })
      transactions.push({ key, values: [moneyText(realized + (strike === 'transactions' ? OFF : 0n))] })
    }
    sums.set(symbol, (sums.get(symbol) ?? 0n) + sum)
    const kind = FOUND[strike]
    if (kind !== undefined) findings.push(JSON.stringify([kind, account, symbol]))
  }
  const print = (lines: readonly PlainLine[]) => Buffer.concat(inByteOrder(lines).map(line => printLine(line, 'clickhouse')))
  return { marks: print(marks), positions: print(positions), transactions: print(transactions), findings, sums }
}

function canaryLine(...values: readonly string[]): PlainLine {
  return { key: [canary.left.key, canary.left.key], values }
}

async function* inPieces(bytes: Buffer, size: number) {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
}

function merge(sides: Readonly<Record<'marks' | 'positions' | 'transactions', Buffer>>, size: number, options: Partial<MergeOptions> = {}) {
  return mergeMarks(
    {
      marks: inPieces(sides.marks, size),
      positions: inPieces(sides.positions, size + 3),
      transactions: inPieces(sides.transactions, size + 7),
    },
    {
      prices: new Map([...prices].map(([symbol, price]) => [symbol, quantityText(price)])),
      listedMax: 1_000,
      canary,
      signal: new AbortController().signal,
      ...options,
    },
  )
}

describe('the merge of a mark cycle', () => {
  it('[P-ZERO-SUM] finds exactly what was planted, and exact sums, whatever the cycle and however the bytes are cut', async () => {
    await fc.assert(
      fc.asyncProperty(holdings, fc.integer({ min: 1, max: 300 }), async (cycle, size) => {
        const sides = play(cycle)
        const { comparison, findings, counts, keys } = await merge(sides, size)
        expect(findings.map(({ kind, key }) => JSON.stringify([kind, key['account_id'], key['symbol']])).sort()).toEqual(
          [...sides.findings].sort(),
        )
        expect([...counts.values()].reduce((sum, count) => sum + count, 0n)).toBe(BigInt(sides.findings.length))
        const expected = [...sides.sums].filter(([, sum]) => sum !== 0n).map(([symbol, sum]) => [symbol, moneyText(sum)])
        expect(comparison.mismatches.map(({ key, difference }) => [key['symbol'], difference['pnl']]).sort()).toEqual(expected.sort())
        expect(comparison).toMatchObject({
          keysCompared: BigInt(sides.sums.size),
          mismatchCount: BigInt(expected.length),
          canaryFound: true,
        })
        expect(keys).toBe(BigInt(cycle.length))
      }),
      parameters({ numRuns: 1_000 }),
    )
  })

  it('[P-ZERO-SUM] comes to exactly nothing where nothing is planted', async () => {
    await fc.assert(
      fc.asyncProperty(holdings, async cycle => {
        const sound = cycle.map(holding => ({ ...holding, strike: 'nothing' as const }))
        const { comparison, findings } = await merge(play(sound), 64)
        expect({ findings, mismatches: comparison.mismatches }).toEqual({ findings: [], mismatches: [] })
      }),
      parameters({ numRuns: 300 }),
    )
  })

  const sound = play(squared([{ account: 'A', symbol: 'OIL', quantity: 5n, cost: 3n, realized: 2n, strike: 'nothing' }]))

  it.each([
    ['marks that lack it', { marks: Buffer.from(sound.marks.toString().replace(/^recon-canary.*\n/m, '')) }],
    [
      'marks that say what the others say',
      { marks: Buffer.from(sound.marks.toString().replace(/^(recon-canary\S*\t\S*)\t1\t1/m, '$1\t1\t2')) },
    ],
    ['positions that lack it', { positions: Buffer.from(sound.positions.toString().replace(/^recon-canary.*\n/m, '')) }],
    ['transactions that lack it', { transactions: Buffer.from(sound.transactions.toString().replace(/^recon-canary.*\n/m, '')) }],
  ])('does not find the canary in %s', async (_, change) => {
    expect((await merge(sound, 50)).comparison.canaryFound).toBe(true)
    expect((await merge({ ...sound, ...change }, 50)).comparison.canaryFound).toBe(false)
  })

  it('takes the first price that it sees for a symbol whose price is not known', async () => {
    const { findings } = await merge(sound, 50, { prices: new Map() })
    expect(findings).toEqual([])
  })

  it('refuses sides that are not in order, and lines that are not whole, and closes all three', async () => {
    const closed: string[] = []
    const side = async function* (which: string, text: string) {
      try {
        yield Buffer.from(text)
        yield Buffer.from('~\t~\t0\t0\t0\n')
      } finally {
        closed.push(which)
      }
    }
    const broken = (positions: string) =>
      mergeMarks(
        { marks: side('marks', ''), positions: side('positions', positions), transactions: side('transactions', '') },
        { prices: new Map(), listedMax: 9, canary, signal: new AbortController().signal },
      )
    await expect(broken('B\tX\t1\t1\t0\nA\tX\t1\t1\t0\n')).rejects.toMatchObject({ code: 'unordered-leg' })
    expect(closed.sort()).toEqual(['marks', 'positions', 'transactions'])
    await expect(broken('A\tX\t1\t1\n')).rejects.toMatchObject({ code: 'malformed-line' })
    await expect(broken('A\n')).rejects.toMatchObject({ code: 'malformed-line' })
  })
})
