import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { narrow } from '../checks/explain/narrow.ts'
import { pairBySequence } from '../checks/explain/pair-by-sequence.ts'
import { searchSuspects } from '../checks/explain/suspect-runs.ts'
import { tallyLedger } from '../checks/explain/tally-ledger.ts'
import { type PositionTally, tallyPositions } from '../checks/explain/tally-positions.ts'
import { formatDecimal, ZERO } from '../epoch/decimal.ts'
import type { LedgerFact, SegmentTotals } from '../epoch/fact.ts'
import { parameters } from '../sim/testing/parameters.ts'
import { plantedLedger } from './explain/planted-ledger.ts'
import { plantedLoss, plantedPosition } from './explain/planted-positions.ts'

const units = (unscaled: bigint) => formatDecimal({ unscaled, scale: 18 })
const limits = fc.constantFrom(0, 1, 3, 1_000)

describe('the facts of one balance', () => {
  it('that differ are named exactly as they were planted, the first of them, all of them counted, and both sums are right', async () => {
    await fc.assert(
      fc.asyncProperty(plantedLedger, limits, async ({ logged, history, expected, log, sum, repeated }, limit) => {
        const tally = await tallyLedger(pairBySequence(each(logged), each(history)), { limit, factsMax: 10_000 })
        const named = tally.differences.listed.map(({ kind, stream, sequence, effect, postgres, clickhouse }) => ({
          kind,
          stream,
          sequence,
          effect,
          postgres: postgres?.['amount'] ?? null,
          clickhouse: clickhouse?.['amount'] ?? null,
        }))
        const planted = expected.map(difference => ({
          ...difference,
          postgres: difference.postgres === null ? null : units(difference.postgres),
          clickhouse: difference.clickhouse === null ? null : units(difference.clickhouse),
        }))
        const inEffectOrder = <T extends { readonly sequence: bigint; readonly stream: string; readonly effect: string }>(
          all: readonly T[],
        ) => [...all].sort((a, b) => compareText(placeOf(a), placeOf(b)))
        if (limit >= planted.length) expect(inEffectOrder(named)).toEqual(inEffectOrder(planted))
        expect(named).toHaveLength(Math.min(limit, planted.length))
        expect(planted).toEqual(expect.arrayContaining(named))
        for (const [kind, count] of Object.entries(tally.differences.counts)) {
          expect(count).toBe(BigInt(planted.filter(difference => difference.kind === kind).length))
        }
        expect(tally.differences.firsts.map(placeOfFirst)).toEqual(firstsOf(expected))
        expect([formatDecimal(tally.log), formatDecimal(tally.history), tally.repeated]).toEqual([units(log), units(sum), repeated])
      }),
      parameters({ numRuns: 500 }),
    )
  })

  it('lie in the segments that are opened, and no other segment is; the sums of the segments are those of the facts', () => {
    const widths = fc.constantFrom(1n, 2n, 7n, 1_000n)
    fc.assert(
      fc.property(plantedLedger, widths, ({ logged, history, expected, log, sum, repeated }, width) => {
        const distinct = [...new Map(history.map(row => [`${row.ids['transaction_id']} ${row.amount.unscaled}`, row])).values()]
        const narrowed = narrow(totalsOf(logged, width), totalsOf(distinct, width), 1_000_000)
        const places = new Set(expected.map(({ stream, sequence }) => `${stream} ${sequence / width}`))
        expect(narrowed.opened.map(({ stream, segment }) => `${stream} ${segment}`).sort()).toEqual([...places].sort())
        expect([formatDecimal(narrowed.log), formatDecimal(narrowed.history), narrowed.leftOut]).toEqual([units(log), units(sum), 0n])
        expect(narrowed.distinct).toBe(BigInt(history.length) - repeated)
      }),
      parameters({ numRuns: 500 }),
    )
  })

  it('are opened first in each stream, and no more of them than may be read', () => {
    const totals = (stream: string, segment: bigint) => ({ stream, segment, effect: 'fee', facts: 5n, sum: ZERO, weighted: ZERO })
    const logged = ['cash', 'dropcopy'].flatMap(stream => [1n, 2n, 3n].map(segment => totals(stream, segment)))
    const { opened, leftOut } = narrow(logged, [], 12)
    expect(opened).toEqual([
      { stream: 'cash', segment: 1n },
      { stream: 'dropcopy', segment: 1n },
    ])
    expect(leftOut).toBe(4n)
    expect(narrow(logged, [], 15).opened).toHaveLength(3)
  })

  it('are not read beyond the bound, and it is said so', async () => {
    const facts = Array.from({ length: 10 }, (_, at) => fact(BigInt(at + 1), 1n))
    const tally = await tallyLedger(pairBySequence(each(facts), each([])), { limit: 1, factsMax: 4 })
    expect(tally).toMatchObject({ truncated: true, logged: 4n })
  })
})

describe('the executions of one position', () => {
  it('that differ are named exactly as they were planted, whether what followed was folded on top of them or not', async () => {
    await fc.assert(
      fc.asyncProperty(plantedPosition, async ({ logged, history, expected }) => {
        const tally = await tallyPositions(pairBySequence(each(logged), each(history)), { limit: 1_000, factsMax: 10_000 })
        expect(executionsOf(tally)).toEqual(expected)
      }),
      parameters({ numRuns: 500 }),
    )
  })

  it.each([true, false])('are the lost ones and no other where a whole batch is lost, folded: %s', async folded => {
    const { logged, history, expected } = plantedLoss(500, folded)
    const tally = await tallyPositions(pairBySequence(each(logged), each(history)), { limit: 1_000, factsMax: 10_000 })
    expect(executionsOf(tally)).toEqual(expected)
  })
})

describe('the facts that a state row may be wrong by', () => {
  it('are among the shortest runs that come to exactly that, found as by trying all of them', () => {
    const amounts = fc.array(fc.bigInt({ min: -3n, max: 3n }), { minLength: 1, maxLength: 30 })
    fc.assert(
      fc.property(amounts, fc.bigInt({ min: -6n, max: 6n }), fc.integer({ min: 1, max: 12 }), (values, wrongBy, runMax) => {
        const search = searchSuspects({ unscaled: wrongBy, scale: 0 }, 1_000, runMax)
        for (const [at, value] of values.entries()) search.add(fact(BigInt(at + 1), value))
        const { runs, count } = search.found()
        const expected = allRuns(values, wrongBy, runMax)
        const shortest = Math.min(...expected.map(run => run.length))
        // Of the runs that end at one fact and come to the same the shortest counts, so only the length and the ends are told apart.
        const key = (run: { readonly as: string; readonly from: bigint; readonly length: number }) => `${run.as} ${run.from} ${run.length}`
        const found = runs.map(run => ({ as: run.as, from: run.facts[0]?.sequence ?? 0n, length: run.facts.length }))
        expect(found.map(key).sort()).toEqual(
          expected
            .filter(run => run.length === shortest)
            .map(key)
            .sort(),
        )
        expect(count).toBe(BigInt(runs.length))
      }),
      parameters({ numRuns: 1_000 }),
    )
  })

  it('are not looked for across two streams', () => {
    const search = searchSuspects({ unscaled: 3n, scale: 0 }, 10)
    search.add({ ...fact(1n, 1n), stream: 'cash' })
    search.add({ ...fact(1n, 2n), stream: 'dropcopy' })
    expect(search.found()).toEqual({ runs: [], count: 0n })
  })
})

function executionsOf({ differences }: PositionTally) {
  return differences.listed.map(({ kind, ids }) => ({ kind, execution: ids['execution_id'] }))
}

/** What the facts come to by segments, by adding them up. */
function totalsOf(facts: readonly LedgerFact[], width: bigint): readonly SegmentTotals[] {
  const found = new Map<string, { stream: string; segment: bigint; effect: string; facts: bigint; sum: bigint; weighted: bigint }>()
  for (const { stream, sequence, effect, amount } of facts) {
    const segment = sequence / width
    const key = `${stream} ${segment} ${effect}`
    const totals = found.get(key) ?? { stream, segment, effect, facts: 0n, sum: 0n, weighted: 0n }
    totals.facts += 1n
    totals.sum += amount.unscaled
    totals.weighted += (amount.unscaled + 10n ** 18n) * (((sequence % 65_521n) ** 3n % 65_521n) + 1n)
    found.set(key, totals)
  }
  return [...found.values()].map(({ sum, weighted, ...totals }) => ({
    ...totals,
    sum: { unscaled: sum, scale: 18 },
    weighted: { unscaled: weighted, scale: 18 },
  }))
}

/** Every run of up to `runMax` facts, by trying all. */
function allRuns(values: readonly bigint[], wrongBy: bigint, runMax: number) {
  if (wrongBy === 0n) return []
  return values.flatMap((_, from) =>
    values.slice(from, from + runMax).flatMap((__, more) => {
      const run = values.slice(from, from + more + 1)
      const sum = run.reduce((total, value) => total + value, 0n)
      const as = sum === wrongBy ? 'applied-twice' : sum === -wrongBy ? 'not-applied' : undefined
      return as ? [{ as, from: BigInt(from + 1), length: run.length }] : []
    }),
  )
}

function fact(sequence: bigint, unscaled: bigint): LedgerFact {
  const amount = { unscaled, scale: 0 }
  return { stream: 'cash', sequence, effect: 'deposit', account: 'A', asset: 'USD', symbol: '', amount, time: '', ids: {} }
}

function firstsOf(expected: readonly { readonly stream: string; readonly sequence: bigint }[]) {
  return ['cash', 'dropcopy'].flatMap(stream =>
    expected
      .filter(difference => difference.stream === stream)
      .slice(0, 1)
      .map(placeOfFirst),
  )
}

function placeOfFirst({ stream, sequence }: { readonly stream: string; readonly sequence: bigint }): string {
  return `${stream} ${sequence}`
}

function placeOf({ stream, sequence, effect }: { readonly stream: string; readonly sequence: bigint; readonly effect: string }): string {
  return `${stream} ${sequence.toString().padStart(6, '0')} ${effect}`
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}

async function* each<T>(items: readonly T[]): AsyncGenerator<T> {
  yield* items
}
