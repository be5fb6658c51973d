import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { accountName, FEE_ACCOUNT } from '../sim/exchange/accounts.ts'
import { transferAt } from '../sim/exchange/cash-stream.ts'
import { type Dropcopy, openDropcopy } from '../sim/exchange/dropcopy.ts'
import { type DropcopyEvent, isExecution } from '../sim/exchange/dropcopy-event.ts'
import { BUST_DISTANCE_MAX } from '../sim/exchange/dropcopy-layout.ts'
import { moneyText, parseMoney, parseQuantity, quantityText } from '../sim/exchange/fixed-point.ts'
import { flat, foldBust, foldFill, type Position } from '../sim/exchange/fold.ts'
import { allocationTransactions, foldExecution, type LedgerTransaction } from '../sim/exchange/ledger.ts'
import { defaultMarketSpec, type Market, openMarket } from '../sim/exchange/market.ts'
import { purposes, randomAt, seedWords } from '../sim/exchange/random.ts'

const fcSeed = process.env['RECON_FC_SEED']
const replay = {
  ...(fcSeed === undefined ? {} : { seed: Number(fcSeed) }),
  ...(process.env['RECON_FC_PATH'] === undefined ? {} : { path: process.env['RECON_FC_PATH'] }),
}

const markets = fc
  .record({ seed: fc.string(), accounts: fc.integer({ min: 2, max: 400 }), symbols: fc.integer({ min: 2, max: 8 }) })
  .map(spec => openMarket({ ...defaultMarketSpec, ...spec }))

describe('the dropcopy', () => {
  it('is the same stream from whichever sequence it is read, and however often', () => {
    fc.assert(
      fc.property(markets, fc.bigInt({ min: 0n, max: 2n ** 62n }), fc.integer({ min: 1, max: 300 }), (market, after, length) => {
        const through = after + BigInt(length)
        const whole = openDropcopy(market).between(after, through)
        const again = openDropcopy(openMarket(market.spec))
        const oneByOne = whole.map((_, index) => again.at(through - BigInt(index))).reverse()
        expect(whole.map(event => event.sequence)).toEqual(Array.from({ length }, (_, index) => after + 1n + BigInt(index)))
        expect(oneByOne).toEqual(whole)
      }),
      { numRuns: 60, ...replay },
    )
  })

  it('differs for another seed', () => {
    const stream = (seed: string) => openDropcopy(openMarket({ ...defaultMarketSpec, seed })).between(0n, 50n)
    expect(stream('1')).not.toEqual(stream('2'))
  })

  it('gives a fill two sides with sequences of their own, and busts a fill once at the most, whole, and later', () => {
    fc.assert(
      fc.property(markets, market => {
        const events = openDropcopy(market).between(0n, 3008n)
        const byExecution = new Map(events.map(event => [event.executionId, event]))
        const fills = groupBy(events, event => (event.kind === 'fill' ? event.tradeId : undefined))
        for (const sides of fills.values()) expectOppositeSides(sides)
        const busts = groupBy(events, event => (event.kind === 'bust' ? event.tradeId : undefined))
        expect(busts.size).toBeGreaterThan(10)
        for (const sides of busts.values()) {
          expectOppositeSides(sides)
          for (const side of sides) {
            const reversed = side.kind === 'bust' ? byExecution.get(side.reverses ?? '') : undefined
            expect(reversed).toEqual({ ...side, ...notOfTheFill(reversed), reverses: undefined })
            expect(side.sequence - (reversed?.sequence ?? 0n)).toBeGreaterThan(0n)
            expect(side.sequence - (reversed?.sequence ?? 0n)).toBeLessThanOrEqual(BUST_DISTANCE_MAX)
          }
        }
      }),
      { numRuns: 15, ...replay },
    )
  })

  it('makes partial closes, exact closes, flips through zero, busts that close and rows of amount zero', () => {
    const market = openMarket({ ...defaultMarketSpec, accounts: 500 })
    const seen = { partial: 0, exact: 0, flip: 0, unevenRelease: 0, zeroFee: 0, busted: 0 }
    replayLedger(market, openDropcopy(market), 20_000n, (event, before, after) => {
      if (event.kind === 'bust') seen.busted += 1
      if (event.kind !== 'fill') return
      if (event.fee === 0n) seen.zeroFee += 1
      if (before.quantity === 0n) return
      if (after.quantity === 0n) seen.exact += 1
      else if (after.quantity < 0n !== before.quantity < 0n) seen.flip += 1
      else if (abs(after.quantity) < abs(before.quantity)) {
        seen.partial += 1
        if ((before.costBasis * (before.quantity - after.quantity)) % before.quantity !== 0n) seen.unevenRelease += 1
      }
    })
    for (const [what, count] of Object.entries(seen)) expect(count, what).toBeGreaterThan(50)
  })

  it('has awkward account names in its hottest rows, all of them distinct', () => {
    const names = Array.from({ length: 20_000 }, (_, index) => accountName(index))
    expect(new Set(names).size).toBe(names.length)
    expect(names.slice(0, 120).filter(name => /["'\\\n\t]|[^ -~]/.test(name)).length).toBeGreaterThan(10)
    expect(names).not.toContain(FEE_ACCOUNT)
  })
})

describe('the fold', () => {
  it('moves realized - cost basis by exactly -(quantity * price), keeps the remainder of a partial close, and is flat at no cost', () => {
    const executions = fc.array(fc.record({ quantity: quantities(), price: prices() }), { minLength: 1, maxLength: 30 })
    fc.assert(
      fc.property(executions, fc.infiniteStream(fc.boolean()), (fills, busting) => {
        let position = flat
        const open: { quantity: bigint; price: bigint; realized: bigint }[] = []
        for (const fill of fills) {
          const before = position
          const folded = foldFill(before, fill.quantity, fill.price)
          position = folded.position
          open.push({ ...fill, realized: folded.realized })
          expect(worth(position) - worth(before)).toBe(-fill.quantity * fill.price)
          expectPlain(before, position, folded.realized)
          const busted = busting.next().value === true ? open.shift() : undefined
          if (busted === undefined) continue
          const unbusted = position
          position = foldBust(unbusted, busted.quantity, busted.price, busted.realized).position
          expect(worth(position) - worth(unbusted)).toBe(busted.quantity * busted.price)
          if (position.quantity === 0n) expect(position.costBasis).toBe(0n)
        }
      }),
      replay,
    )
  })

  it('gives a bust that follows its fill at once the position back as it was', () => {
    fc.assert(
      fc.property(quantities(), prices(), quantities(), prices(), (held, cost, quantity, price) => {
        const before = foldFill(flat, held, cost).position
        const folded = foldFill(before, quantity, price)
        expect(foldBust(folded.position, quantity, price, folded.realized).position).toEqual(before)
      }),
      replay,
    )
  })
})

describe('the ledger', () => {
  it('conserves: PnL sums to zero at any mark, fees and funding sum to zero, and positions carry what transactions realize', () => {
    fc.assert(
      fc.property(markets, prices(), (market, mark) => {
        const { positions, transactions } = replayLedger(market, openDropcopy(market), 1500n)
        const whole = wholeTrades(market, 1500n)
        for (const { symbol } of market.instruments) {
          const held = [...positions].filter(([key]) => key.startsWith(`${symbol}|`)).map(([, position]) => position)
          const pnl = sum(held.map(({ quantity, costBasis, realizedPnl }) => realizedPnl + quantity * mark - costBasis))
          expect(pnl + (whole.get(symbol)?.(mark) ?? 0n)).toBe(0n)
        }
        const realized = sumBy(transactions, row => (row.kind === 'realized_pnl' ? `${row.symbol}|${row.accountId}` : undefined))
        for (const [key, position] of positions) expect(realized.get(key)).toBe(position.realizedPnl)
        const neutral = sumBy(transactions, row => (row.kind === 'realized_pnl' ? undefined : row.asset))
        expect([...neutral.values()].every(total => total === 0n)).toBe(true)
        expect(new Set(transactions.map(row => row.transactionId)).size).toBe(transactions.length)
      }),
      { numRuns: 40, ...replay },
    )
  })

  it('lets nobody withdraw what was not deposited', () => {
    fc.assert(
      fc.property(markets, market => {
        const held = new Map<string, bigint>()
        for (let number = 1n; number <= 400n; number += 1n) {
          const { accountId, asset, direction, amount } = transferAt(market, number)
          const after = (held.get(`${accountId}|${asset}`) ?? 0n) + (direction === 'deposit' ? amount : -amount)
          expect(amount).toBeGreaterThan(0n)
          expect(after).toBeGreaterThanOrEqual(0n)
          held.set(`${accountId}|${asset}`, after)
        }
      }),
      { numRuns: 20, ...replay },
    )
  })
})

describe('fixed-point text', () => {
  it('prints canonically and reads back, also what PostgreSQL pads with zeros', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: -(10n ** 38n), max: 10n ** 38n }), units => {
        expect(moneyText(units)).toMatch(/^(0|-?(0|[1-9]\d*)(\.\d*[1-9])?)$/)
        expect(parseMoney(moneyText(units))).toBe(units)
        const padded = moneyText(units).includes('.') ? `${moneyText(units)}000` : `${moneyText(units)}.000`
        expect(parseMoney(padded)).toBe(units)
        expect(parseQuantity(quantityText(units))).toBe(units)
      }),
      replay,
    )
  })

  it('refuses what it cannot hold', () => {
    for (const text of ['', '1e3', '.5', '1.0000000001', 'NaN', '+1', '1.']) expect(() => parseQuantity(text), text).toThrow()
  })
})

describe('the random source', () => {
  it('is even enough in its low and its high bits, and unlike its neighbours', () => {
    const seed = seedWords('even')
    const counts = new Array<number>(16).fill(0)
    for (let index = 0n; index < 16_000n; index += 1n) {
      const drawn = randomAt(seed, purposes.fill, index).below(16)
      counts[drawn] = (counts[drawn] ?? 0) + 1
    }
    for (const count of counts) expect(Math.abs(count - 1000)).toBeLessThan(200)
  })
})

type Watch = (event: DropcopyEvent, before: Position, after: Position) => void

/** Folds the stream as a single reader would, in one map. */
function replayLedger(market: Market, dropcopy: Dropcopy, through: bigint, watch?: Watch) {
  const positions = new Map<string, Position>()
  const realized = new Map<string, bigint>()
  const transactions: LedgerTransaction[] = []
  expect(market.instruments.length).toBeGreaterThan(1)
  for (const event of dropcopy.between(0n, through)) {
    if (!isExecution(event)) {
      transactions.push(...allocationTransactions(event))
      continue
    }
    const key = `${event.symbol}|${event.accountId}`
    const before = positions.get(key) ?? flat
    const effect = foldExecution(event, before, realized.get(event.reverses ?? '') ?? 0n)
    positions.set(key, effect.position)
    realized.set(event.executionId, effect.realized)
    transactions.push(...effect.transactions)
    watch?.(event, before, effect.position)
  }
  return { positions, transactions }
}

/** Where the stream is cut between the two sides of a trade: what the missing side will bring, by symbol, as a function of the mark. */
function wholeTrades(market: Market, through: bigint): Map<string, (mark: bigint) => bigint> {
  const [last, next] = openDropcopy(market).between(through - 1n, through + 1n)
  const missing = new Map<string, (mark: bigint) => bigint>()
  if (last === undefined || next === undefined || !isExecution(last) || !isExecution(next)) return missing
  if (last.tradeId !== next.tradeId || last.kind !== next.kind) return missing
  const signed = (next.side === 'buy' ? next.quantity : -next.quantity) * (next.kind === 'bust' ? -1n : 1n)
  missing.set(next.symbol, mark => signed * (mark - next.price))
  return missing
}

function expectOppositeSides(sides: readonly DropcopyEvent[]) {
  const [first, second] = sides
  if (first === undefined || second === undefined || !isExecution(first) || !isExecution(second)) return expect(sides).toEqual('two sides')
  expect(sides.length).toBe(2)
  expect(second.sequence).toBe(first.sequence + 1n)
  expect([first.side, second.side].sort()).toEqual(['buy', 'sell'])
  expect([second.quantity, second.price, second.symbol]).toEqual([first.quantity, first.price, first.symbol])
  expect(first.accountId).not.toBe(second.accountId)
}

/** What a bust has of its own, taken from the fill, so that everything else can be compared. */
function notOfTheFill(fill: DropcopyEvent | undefined) {
  return { kind: 'fill', sequence: fill?.sequence, executionId: fill?.executionId, occurredAtMicros: fill?.occurredAtMicros }
}

function expectPlain(before: Position, after: Position, realized: bigint) {
  if (after.quantity === 0n) expect(after.costBasis).toBe(0n)
  const opens = before.quantity === 0n || before.quantity < 0n === after.quantity - before.quantity < 0n
  if (opens) expect(realized).toBe(0n)
}

function worth(position: Position): bigint {
  return position.realizedPnl - position.costBasis
}

function quantities() {
  const size = fc.bigInt({ min: 1n, max: 10n ** 15n })
  return fc.tuple(fc.boolean(), size).map(([sell, quantity]) => (sell ? -quantity : quantity))
}

function prices() {
  return fc.bigInt({ min: 1n, max: 10n ** 15n })
}

function groupBy<T>(items: readonly T[], keyOf: (item: T) => string | undefined): Map<string, T[]> {
  const groups = new Map<string, T[]>()
  for (const item of items) {
    const key = keyOf(item)
    if (key === undefined) continue
    const group = groups.get(key)
    if (group === undefined) groups.set(key, [item])
    else group.push(item)
  }
  return groups
}

function sumBy(rows: readonly LedgerTransaction[], keyOf: (row: LedgerTransaction) => string | undefined): Map<string, bigint> {
  return new Map([...groupBy(rows, keyOf)].map(([key, group]) => [key, sum(group.map(row => row.amount))]))
}

function sum(values: readonly bigint[]): bigint {
  return values.reduce((total, value) => total + value, 0n)
}

function abs(value: bigint): bigint {
  return value < 0n ? -value : value
}
