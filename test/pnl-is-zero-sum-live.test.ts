import { afterAll, beforeAll, expect, it } from 'vitest'
import { type Exchange, startExchange } from '../sim/exchange/exchange.ts'
import { type Books, openBooks } from './support/books.ts'
import { describeEngines, startTestEngines, type TestEngines } from './support/engines.ts'
import { until } from './support/until.ts'

const RUNS = 25
const spec = { seed: 'live marks', accounts: 80, eventsPerTransfer: 10, markEveryEvents: 400 }
// Late, out of order, in pieces and repeated, so that a run which looked at the newest rows would meet half of a cycle again and again.
const sink = { lagMsMin: 0, lagMsMax: 400, replayChance: 0.4, batchMs: 40 }

describeEngines('pnl-is-zero-sum over a running exchange', () => {
  let engines: TestEngines
  const opened: Books[] = []
  const running: Exchange[] = []
  beforeAll(async () => {
    engines = await startTestEngines()
  })
  afterAll(async () => {
    await Promise.all(running.map(exchange => exchange.stop()))
    await Promise.all(opened.map(books => books.close()))
  })

  it('is balanced at every epoch, while the sink is late, repeats itself and is killed in the middle of cycles', async () => {
    const books = await openBooks(await engines.createStores('live marks'))
    opened.push(books)
    const exchange = await startExchange({ stores: books.stores, spec, rate: 800, sink })
    running.push(exchange)
    const storm = { over: false, crashes: 0 }
    const crashing = (async () => {
      while (!storm.over) {
        // Killed in every cycle, it would never come to the end of one.
        const next = exchange.status().sink.dropcopy + 500n
        await until('the sink gets on', () => storm.over || exchange.status().sink.dropcopy >= next)
        await exchange.crash('sink', 'within-marks')
        storm.crashes += 1
        await exchange.restart('sink')
      }
    })()
    const epochs = new Set<string>()
    try {
      for (let run = 0; run < RUNS; run++) {
        const checked = await books.checkNamed('pnl-is-zero-sum', { horizonTimeoutMs: 15_000 })
        expect(`${checked.verdict}: ${checked.reason}`).toMatch(/^balanced/)
        epochs.add(JSON.stringify(checked.epoch?.['dropcopy']))
      }
    } finally {
      storm.over = true
      await crashing
    }
    expect(epochs.size).toBeGreaterThan(3)
    expect(storm.crashes).toBeGreaterThan(1)
  })

  it('names the planted mark in every cycle after it, and nothing before', async () => {
    const books = await openBooks(await engines.createStores('live fault'))
    opened.push(books)
    const exchange = await startExchange({ stores: books.stores, spec, rate: 800, sink })
    running.push(exchange)
    const fault = exchange.plant({ name: 'wrong-realized-in-marks' })
    let seen = 0
    for (let run = 0; run < RUNS && seen < 3; run++) {
      const checked = await books.checkNamed('pnl-is-zero-sum', { horizonTimeoutMs: 15_000 })
      if (BigInt(checked.epoch?.['dropcopy'] ?? '0') < fault.event) {
        expect(checked.verdict).toBe('balanced')
        continue
      }
      const [planted] = exchange.planted()
      expect(checked.findings.map(({ kind, key }) => ({ kind, ...key }))).toEqual(
        planted?.marks.map(mark => ({ kind: 'realized-differs', ...mark })),
      )
      expect(checked.mismatches.map(({ difference }) => difference)).toEqual([{ pnl: '0.000000000000000001' }])
      seen += 1
    }
    expect(seen).toBe(3)
  })
})
