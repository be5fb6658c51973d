import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type CountedRows, chooseHorizon, type Horizon, judgeCompleteness, type Watermark } from '../../epoch/horizon.ts'
import { parameters } from '../../sim/testing/parameters.ts'

const STREAMS = ['dropcopy', 'cash']
const mark = (stream: string, sequence: bigint, ...rowsTotal: bigint[]): [string, Watermark] => [stream, { stream, sequence, rowsTotal }]
const choose = (epoch: Record<string, bigint>, found: [string, Watermark][], standing: [string, bigint][] = []) =>
  chooseHorizon('transactions', epoch, STREAMS, new Map(found), new Map(standing))

describe('the horizon', () => {
  it.each([
    [
      'is reached at the watermarks, above the epoch or at it',
      { dropcopy: 10n, cash: 5n },
      [mark('dropcopy', 12n, 30n), mark('cash', 5n, 5n)],
      { dropcopy: 12n, cash: 5n },
      { dropcopy: 30n, cash: 5n },
    ],
    [
      'needs no watermark for a stream at 0, and expects no rows of it',
      { dropcopy: 0n, cash: 5n },
      [mark('cash', 6n, 6n)],
      { dropcopy: 0n, cash: 6n },
      { dropcopy: 0n, cash: 6n },
    ],
    [
      'ignores a watermark of a stream at 0',
      { cash: 5n },
      [mark('dropcopy', 12n, 30n), mark('cash', 5n, 5n)],
      { dropcopy: 0n, cash: 5n },
      { dropcopy: 0n, cash: 5n },
    ],
    ['needs none at all for an epoch of 0', {}, [], { dropcopy: 0n, cash: 0n }, { dropcopy: 0n, cash: 0n }],
  ])('%s', (_what, epoch, found, at, rowsTotal) => {
    expect(choose(epoch, found)).toEqual({ kind: 'reached', horizon: { strategy: 'watermark', table: 'transactions', at, rowsTotal } })
  })

  it('names each stream that is behind, where it stands and what it needs', () => {
    expect(choose({ dropcopy: 10n, cash: 5n }, [mark('cash', 5n, 5n)], [['dropcopy', 7n]])).toEqual({
      kind: 'behind',
      gaps: [{ table: 'transactions', stream: 'dropcopy', standsAt: 7n, needed: 10n }],
    })
    expect(choose({ dropcopy: 10n, cash: 5n }, [], [['cash', 4n]])).toEqual({
      kind: 'behind',
      gaps: [
        { table: 'transactions', stream: 'dropcopy', standsAt: 0n, needed: 10n },
        { table: 'transactions', stream: 'cash', standsAt: 4n, needed: 5n },
      ],
    })
  })

  it('is in conflict where one sequence has two totals', () => {
    const conflicting = mark('cash', 5n, 5n, 6n)
    expect(choose({ dropcopy: 10n, cash: 5n }, [mark('dropcopy', 10n, 3n), conflicting])).toEqual({
      kind: 'conflict',
      table: 'transactions',
      watermark: conflicting[1],
    })
  })

  it('does not look at the streams that the leg does not declare', () => {
    expect(
      chooseHorizon('positions', { dropcopy: 3n, cash: 9n }, ['dropcopy'], new Map([mark('dropcopy', 3n, 1n)]), new Map()),
    ).toMatchObject({
      kind: 'reached',
      horizon: { at: { dropcopy: 3n } },
    })
  })
})

describe('what was counted', () => {
  const watermarked = (dropcopy: bigint, cash: bigint): Horizon => ({
    strategy: 'watermark',
    table: 't',
    at: { dropcopy: 9n, cash: 9n },
    rowsTotal: { dropcopy, cash },
  })
  const settled: Horizon = { strategy: 'settle', table: 't', at: { dropcopy: 9n, cash: 9n } }
  const counted = (addresses: [bigint, bigint], facts = addresses, undeclared = 0n, rows = 99n): CountedRows => ({
    facts: { dropcopy: facts[0], cash: facts[1] },
    addresses: { dropcopy: addresses[0], cash: addresses[1] },
    undeclared,
    rows,
  })

  it.each<[string, Horizon, CountedRows, object]>([
    ['complete: as many as vouched for, however often delivered', watermarked(3n, 2n), counted([3n, 2n]), { kind: 'complete' }],
    ['complete: nothing of nothing', watermarked(0n, 0n), counted([0n, 0n], [0n, 0n], 0n, 0n), { kind: 'complete' }],
    ['short', watermarked(3n, 2n), counted([2n, 2n]), { kind: 'short', differences: { dropcopy: -1n } }],
    [
      'short in one stream, though another has too many',
      watermarked(3n, 2n),
      counted([2n, 3n]),
      { kind: 'short', differences: { dropcopy: -1n } },
    ],
    [
      'short before conflicting, since the missing may still come',
      watermarked(3n, 2n),
      counted([2n, 2n], [2n, 3n]),
      { kind: 'short', differences: { dropcopy: -1n } },
    ],
    [
      'conflicting: two facts under one address',
      watermarked(3n, 2n),
      counted([3n, 2n], [4n, 2n]),
      { kind: 'conflicting', differences: { dropcopy: 1n } },
    ],
    [
      'conflicting before too many',
      watermarked(3n, 1n),
      counted([3n, 2n], [4n, 2n]),
      { kind: 'conflicting', differences: { dropcopy: 1n } },
    ],
    [
      'unsettled: fewer facts than addresses, which no one moment can show',
      watermarked(3n, 2n),
      counted([3n, 2n], [2n, 2n]),
      { kind: 'unsettled', differences: { dropcopy: -1n } },
    ],
    ['unsettled without watermarks too', settled, counted([3n, 2n], [3n, 1n]), { kind: 'unsettled', differences: { cash: -1n } }],
    ['too many', watermarked(3n, 2n), counted([3n, 4n]), { kind: 'extra', differences: { cash: 2n } }],
    [
      'too many: of a stream that nobody declared',
      watermarked(3n, 2n),
      counted([3n, 2n], [3n, 2n], 1n),
      { kind: 'extra', differences: { 'undeclared streams': 1n } },
    ],
    ['settled: any number will do', settled, counted([1n, 7n]), { kind: 'complete' }],
    [
      'settled: a conflict is one all the same',
      settled,
      counted([1n, 7n], [2n, 7n]),
      { kind: 'conflicting', differences: { dropcopy: 1n } },
    ],
    [
      'settled: a stream that nobody declared',
      settled,
      counted([1n, 7n], [1n, 7n], 2n),
      { kind: 'extra', differences: { 'undeclared streams': 2n } },
    ],
  ])('is %s', (_what, horizon, rows, expected) => {
    expect(judgeCompleteness(horizon, rows)).toEqual(expected)
  })

  it('is complete exactly where every count is what it must be', () => {
    const small = fc.bigInt({ min: 0n, max: 2n })
    fc.assert(
      fc.property(fc.tuple(small, small), fc.tuple(small, small), fc.tuple(small, small), small, (totals, addresses, more, undeclared) => {
        const facts: [bigint, bigint] = [addresses[0] + more[0], addresses[1] + more[1]]
        const { kind } = judgeCompleteness(watermarked(...totals), counted(addresses, facts, undeclared))
        const isComplete = String(totals) === String(addresses) && more.every(n => n === 0n) && undeclared === 0n
        expect(kind === 'complete').toBe(isComplete)
        expect(kind === 'short').toBe(addresses[0] < totals[0] || addresses[1] < totals[1])
      }),
      parameters({ numRuns: 500 }),
    )
  })
})
