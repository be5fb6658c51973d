import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openDropcopy } from '../sim/exchange/dropcopy.ts'
import { type Exchange, startExchange } from '../sim/exchange/exchange.ts'
import type { ExchangeOptions } from '../sim/exchange/exchange-options.ts'
import { instruments } from '../sim/exchange/instruments.ts'
import { cycleNumberAt, sequenceOfCycle } from '../sim/exchange/mark-cycle.ts'
import { defaultMarketSpec, openMarket } from '../sim/exchange/market.ts'
import { priceAt } from '../sim/exchange/price-path.ts'
import type { Stores } from '../sim/sandbox/stores.ts'
import { clickhouseRows, units } from './exchange/stored.ts'
import { describeEngines, startTestEngines, type TestEngines } from './support/engines.ts'

const spec = { seed: 'marks', accounts: 200, eventsPerTransfer: 10, markEveryEvents: 300 }
const quick = { lagMsMin: 0, lagMsMax: 200, replayChance: 0.3, batchMs: 30 }

describe('when cycles are due', () => {
  it.each([4, 8, 12, 300, 2_000])('is every %i events, and before that at each power of two, numbered without a gap', markEveryEvents => {
    const market = openMarket({ ...defaultMarketSpec, markEveryEvents })
    const dropcopy = openDropcopy(market)
    const at = Array.from({ length: 5_000 }, (_, sequence) => BigInt(sequence)).filter(each => cycleNumberAt(market, each) !== undefined)
    expect(at.map(sequence => cycleNumberAt(market, sequence))).toEqual(at.map((_, index) => BigInt(index + 1)))
    expect(at.map((_, index) => sequenceOfCycle(market, BigInt(index + 1)))).toEqual(at)
    const powers = Array.from({ length: 18 }, (_, power) => 4 * 2 ** power).filter(power => power < markEveryEvents)
    const regular = Array.from({ length: Math.floor(4_998 / markEveryEvents) }, (_, index) => markEveryEvents * (index + 1))
    // Between the two sides of a trade nothing squares, so a cycle that is due there waits for the other side.
    const withinTrade = (sequence: number) => {
      const [side, next] = dropcopy.between(BigInt(sequence) - 1n, BigInt(sequence) + 1n)
      return side !== undefined && next !== undefined && 'tradeId' in side && 'tradeId' in next && side.tradeId === next.tradeId
    }
    expect(at.map(Number)).toEqual([...powers, ...regular].map(due => (withinTrade(due) ? due + 1 : due)))
  })

  it('is never where there are to be none', () => {
    const market = openMarket({ ...defaultMarketSpec, markEveryEvents: 0 })
    expect([0n, 1n, 4n, 5n, 2_000n].filter(at => cycleNumberAt(market, at) !== undefined)).toEqual([])
    expect(() => openMarket({ ...defaultMarketSpec, markEveryEvents: 6 })).toThrow('multiple of 4')
  })
})

describeEngines('the mark cycles of the simulated exchange', () => {
  let engines: TestEngines
  const made: Stores[] = []
  const running: Exchange[] = []
  beforeAll(async () => {
    engines = await startTestEngines()
  })
  afterAll(async () => {
    await Promise.all(running.map(exchange => exchange.stop()))
    await Promise.all(made.map(stores => stores.drop()))
  })
  const start = async (name: string, options: Omit<ExchangeOptions, 'stores'>) => {
    const stores = await engines.createStores(name)
    made.push(stores)
    const exchange = await startExchange({ stores, spec, ...options })
    running.push(exchange)
    return { stores, exchange }
  }
  const deadline = () => AbortSignal.timeout(40_000)

  it('hold every position as of their sequence at the price of that sequence, and every symbol comes to exactly nothing', async () => {
    const { stores, exchange } = await start('marks', { rate: Number.POSITIVE_INFINITY, events: 1_000n, sink: quick })
    await exchange.caughtUp(deadline())
    await exchange.stop()

    const cycles = await clickhouseRows(stores, 'select distinct mark_cycle as number, stream, sequence from pnl_marks order by 1')
    const market = openMarket({ ...defaultMarketSpec, ...spec })
    const due = Array.from({ length: 10 }, (_, at) => ({ number: `${at + 1}`, sequence: `${sequenceOfCycle(market, BigInt(at + 1))}` }))
    expect(cycles).toEqual(due.map(({ number, sequence }) => ({ number, stream: 'dropcopy', sequence })))
    for (const { number, sequence } of due) await expectRight(stores, number, sequence)
    expect(await falseTotals(stores)).toEqual([])
  })

  it('are the same, and counted the same, when the sink is killed in the middle of them', async () => {
    const calm = await start('calm marks', { rate: Number.POSITIVE_INFINITY, events: 4_000n, sink: { ...quick, replayChance: 0 } })
    await calm.exchange.caughtUp(deadline())
    await calm.exchange.stop()
    const { stores, exchange } = await start('stormy marks', { rate: 1_200, events: 4_000n, sink: quick })
    let halves = 0
    while (exchange.status().published < 3_000n) {
      await exchange.crash('sink', 'within-marks')
      halves += (await partialCycles(stores)).length
      await exchange.restart('sink')
      expect(await falseTotals(stores)).toEqual([])
    }
    await exchange.caughtUp(deadline())
    await exchange.stop()

    expect(halves).toBeGreaterThan(1)
    const distinct = 'select distinct * from pnl_marks order by mark_cycle, symbol, account_id'
    expect(await clickhouseRows(stores, distinct)).toEqual(await clickhouseRows(calm.stores, distinct))
    expect(await falseTotals(stores)).toEqual([])
    const last =
      "select argMax(rows_total, sequence) as total, toString(max(sequence)) as cycle from sink_watermarks where table_name = 'pnl_marks'"
    expect(await clickhouseRows(stores, last)).toEqual(await clickhouseRows(calm.stores, last))
    const [repeated] = await clickhouseRows(stores, 'select count() - uniqExact(mark_cycle, account_id, symbol) as rows from pnl_marks')
    expect(Number(repeated?.['rows'])).toBeGreaterThan(10)
  })

  it('are none where none are asked for', async () => {
    const { stores, exchange } = await start('no marks', {
      spec: { ...spec, markEveryEvents: 0 },
      rate: Number.POSITIVE_INFINITY,
      events: 700n,
      sink: quick,
    })
    await exchange.caughtUp(deadline())
    expect(await clickhouseRows(stores, 'select * from pnl_marks')).toEqual([])
    expect(await clickhouseRows(stores, "select * from sink_watermarks where table_name = 'pnl_marks'")).toEqual([])
  })

  it('go on under the same numbers when the exchange goes on, and refuse another distance', async () => {
    const { stores, exchange } = await start('marks go on', { rate: Number.POSITIVE_INFINITY, events: 650n, sink: quick })
    await exchange.caughtUp(deadline())
    await exchange.stop()
    const again = { stores, rate: Number.POSITIVE_INFINITY, events: 300n, sink: quick }
    await expect(startExchange({ ...again, spec: { ...spec, markEveryEvents: 200 } })).rejects.toMatchObject({ code: 'another-exchange' })
    const second = await startExchange({ ...again, spec })
    running.push(second)
    await second.caughtUp(deadline())
    await second.stop()
    const cycles = await clickhouseRows(
      stores,
      'select distinct mark_cycle as number, sequence from pnl_marks where sequence >= 300 order by 1',
    )
    const market = openMarket({ ...defaultMarketSpec, ...spec })
    expect(cycles).toEqual(['8', '9', '10'].map(number => ({ number, sequence: `${sequenceOfCycle(market, BigInt(number))}` })))
    for (const { number = '', sequence = '' } of cycles) await expectRight(stores, number, sequence)
    expect(await falseTotals(stores)).toEqual([])
  })
})

/** Holds a cycle to the positions as of its sequence, by arithmetic of the test's own. */
async function expectRight(stores: Stores, cycle: string, sequence: string): Promise<void> {
  const market = openMarket({ ...defaultMarketSpec, ...spec })
  const prices = new Map(
    instruments(market.spec.symbols).map(instrument => [instrument.symbol, priceAt(market, instrument, BigInt(sequence))]),
  )
  const positions = await clickhouseRows(
    stores,
    `select account_id, symbol, argMax(asset, sequence) as asset, toString(argMax(quantity, sequence)) as quantity,
            toString(argMax(cost_basis, sequence)) as cost_basis, toString(argMax(realized_pnl, sequence)) as realized_pnl
     from positions where sequence <= ${sequence} group by 1, 2 order by 2, 1`,
  )
  const marks = await clickhouseRows(
    stores,
    `select distinct account_id, symbol, asset, toString(mark_price) as mark_price, toString(realized_pnl) as realized_pnl,
            toString(unrealized_pnl) as unrealized_pnl
     from pnl_marks where mark_cycle = ${cycle} order by 2, 1`,
  )
  const unit = 10n ** 18n
  expect(marks.map(mark => ({ ...mark, mark_price: units(mark['mark_price']), unrealized_pnl: units(mark['unrealized_pnl']) }))).toEqual(
    positions.map(({ quantity, cost_basis, ...position }) => {
      const price = (prices.get(position['symbol'] ?? '') ?? 0n) * 10n ** 9n
      return { ...position, mark_price: price, unrealized_pnl: (units(quantity) * price) / unit - units(cost_basis) }
    }),
  )
  const sums = new Map<string, bigint>()
  for (const mark of marks) {
    const symbol = mark['symbol'] ?? ''
    sums.set(symbol, (sums.get(symbol) ?? 0n) + units(mark['realized_pnl']) + units(mark['unrealized_pnl']))
  }
  expect([...sums.values()].filter(sum => sum !== 0n)).toEqual([])
}

/** Watermarks of marks that do not count the distinct rows at or below them. */
function falseTotals(stores: Stores): Promise<Record<string, string>[]> {
  return clickhouseRows(
    stores,
    `select w.sequence as cycle, w.rows_total as rows_total, countIf(m.mark_cycle <= w.sequence) as rows
     from (select distinct sequence, rows_total from sink_watermarks where table_name = 'pnl_marks' and stream = 'mark_cycle') as w
     cross join (select distinct mark_cycle, account_id, symbol from pnl_marks) as m
     group by 1, 2 having rows != rows_total`,
  )
}

/** Cycles that have rows and no watermark. */
function partialCycles(stores: Stores): Promise<Record<string, string>[]> {
  return clickhouseRows(
    stores,
    `select distinct mark_cycle from pnl_marks
     where mark_cycle > (select max(sequence) from sink_watermarks where table_name = 'pnl_marks')`,
  )
}
