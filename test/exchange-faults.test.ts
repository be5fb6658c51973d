import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openDropcopy } from '../sim/exchange/dropcopy.ts'
import { isExecution } from '../sim/exchange/dropcopy-event.ts'
import { startExchange } from '../sim/exchange/exchange.ts'
import type { FaultOrder } from '../sim/exchange/exchange-options.ts'
import { defaultMarketSpec, openMarket } from '../sim/exchange/market.ts'
import { type FaultName, faultNamed, faultNames } from '../sim/faults/catalogue.ts'
import { planFault } from '../sim/faults/planned-fault.ts'
import type { PlantedFault } from '../sim/faults/planted-fault.ts'
import { repairFault } from '../sim/faults/repair.ts'
import type { Stores } from '../sim/sandbox/stores.ts'
import {
  balanceDifferences,
  clickhouseRows,
  falseWatermarks,
  keyText,
  positionDifferences,
  postgresRows,
  units,
} from './exchange/stored.ts'
import { describeEngines, startTestEngines, type TestEngines } from './support/engines.ts'

const spec = { seed: 'faults', accounts: 60, eventsPerTransfer: 10 }
const at = 400n
const events = 1_200n

describe('planning a fault', () => {
  const market = openMarket({ ...defaultMarketSpec, ...spec })
  const dropcopy = openDropcopy(market)

  it.each(faultNames)('%s happens to the first thing that suits it at or after the event asked for, always the same', name => {
    const planned = planFault(market, dropcopy, name, at)
    expect(planned.event).toBeGreaterThanOrEqual(at)
    expect(planned.event).toBeLessThan(at + 500n)
    expect(planFault(openMarket(market.spec), openDropcopy(market), name, at)).toEqual(planned)
    if (planned.transfer === undefined) expect(planFault(market, dropcopy, name, planned.event)).toEqual(planned)
  })
})

describe('planning a fault of a position in an exchange that ends', () => {
  const dropcopy = openDropcopy(openMarket({ ...defaultMarketSpec, ...spec }))
  const ofPosition = faultNames.filter(name => ['last fill', 'earlier fill'].includes(faultNamed(name).suits))

  it.each(ofPosition)('%s happens to a fill that is the last of its position, or is not, as the fault wants it', name => {
    const { event } = planFault(openMarket({ ...defaultMarketSpec, ...spec }), dropcopy, name, at, events)
    const fill = dropcopy.at(event)
    if (!isExecution(fill)) throw new Error(`event ${event} is no execution`)
    const later = dropcopy
      .between(event, events)
      .filter(isExecution)
      .filter(({ accountId, symbol }) => accountId === fill.accountId && symbol === fill.symbol)
    expect(later.length === 0).toBe(faultNamed(name).suits === 'last fill')
  })
})

describeEngines('a fault that is planted', () => {
  let engines: TestEngines
  beforeAll(async () => {
    engines = await startTestEngines()
  })
  const made: Stores[] = []
  afterAll(() => Promise.all(made.map(stores => stores.drop())))

  /** Runs an exchange with faults until everything that can be consumed is. */
  const commit = async (faults: readonly FaultOrder[]) => {
    const stores = await engines.createStores(`fault ${faults[0]?.name}`)
    made.push(stores)
    const sink = { lagMsMin: 0, lagMsMax: 50, replayChance: 0.2, batchMs: 20 }
    const engine = { batchEventsMax: 100 }
    const exchange = await startExchange({ stores, spec, rate: Number.POSITIVE_INFINITY, events, faults, sink, engine })
    try {
      await exchange.caughtUp(AbortSignal.timeout(30_000))
      return { stores, planted: exchange.planted(), status: exchange.status() }
    } finally {
      await exchange.stop()
    }
  }

  it('leaves exactly the recorded difference, and its repair takes exactly that away', async () => {
    const { stores, planted } = await commit(additive.map((name, index) => ({ name, event: at + 25n * BigInt(index) })))
    expect(planted.map(fault => fault.fault)).toEqual(additive)
    expect(await balanceDifferences(stores)).toEqual(sumOf(planted))
    expect(await rowsBeyondWatermark(stores)).toBe(planted.reduce((gap, fault) => gap + (rowsGap(fault) ?? 0n), 0n))
    const left = [...planted]
    for (const fault of planted) {
      const { repairable, expect: said } = faultNamed(fault.fault)
      expect(await repairFault(stores, fault), fault.fault).toBe(repairable)
      if (repairable) left.splice(left.indexOf(fault), 1)
      expect(fault.keys.length > 0, fault.fault).toBe(said['transactions-balance'].verdict === 'diff')
      expect(await balanceDifferences(stores), fault.fault).toEqual(sumOf(left))
    }
    expect(await rowsBeyondWatermark(stores)).toBe(0n)
    expect(await falseWatermarks(stores)).toEqual([])
    const byName = new Map(planted.map(fault => [fault.fault, fault]))
    expect(byName.get('wrong-account')?.keys.length).toBe(2)
    expect(byName.get('wrong-asset')?.keys.length).toBe(2)
    expect(byName.get('altered-amount-by-1e-18')?.keys.map(key => key.difference)).toEqual(['-0.000000000000000001'])
    expect(byName.get('double-applied-batch')?.keys.length).toBeGreaterThan(4)
  })

  it.concurrent.each(['bust-dropped-by-engine', 'bust-dropped-by-sink', 'bust-dropped-by-both'] as const)(
    '%s: the difference includes what the wrong position realizes afterwards',
    async name => {
      const { stores, planted } = await commit([{ name, event: at }])
      expect(await balanceDifferences(stores)).toEqual(sumOf(planted))
      expect(planted[0]?.keys.length ?? 0).toBeGreaterThan(name === 'bust-dropped-by-both' ? -1 : 1)
      expect(await rowsBeyondWatermark(stores)).toBe(0n)
    },
  )

  it.concurrent('position-watermark-stuck stops one watermark below the event, and no rows', async () => {
    const { stores, planted } = await commit([{ name: 'position-watermark-stuck', event: at }])
    const stand = await clickhouseRows(stores, 'select table_name, max(sequence) as last from sink_watermarks group by 1')
    const last = new Map(stand.map(row => [row['table_name'], BigInt(row['last'] ?? '0')]))
    expect(last.get('positions') ?? 0n).toBeLessThan(planted[0]?.event ?? 0n)
    expect(last.get('transactions')).toBe(events)
    expect(await positionDifferences(stores)).toEqual({ 'positions-match': [], 'position-realized-pnls-balance': [] })
    expect(await falseWatermarks(stores)).toEqual([])
  })

  it.concurrent('watermark-stuck stops one watermark below the event, and no rows', async () => {
    const { stores, planted } = await commit([{ name: 'watermark-stuck', event: at }])
    const stand = await clickhouseRows(
      stores,
      'select table_name, stream, max(sequence) as last from sink_watermarks group by 1, 2 order by 1, 2',
    )
    const last = new Map(stand.map(row => [`${row['table_name']}/${row['stream']}`, BigInt(row['last'] ?? '0')]))
    expect(last.get('transactions/dropcopy') ?? 0n).toBeLessThan(planted[0]?.event ?? 0n)
    expect(last.get('positions/dropcopy')).toBe(events)
    expect(await balanceDifferences(stores)).toEqual({})
    expect(await falseWatermarks(stores)).toEqual([])
  })

  it.concurrent('watermarks-disagree gives every watermark from the event on a twin', async () => {
    const { stores, planted } = await commit([{ name: 'watermarks-disagree', event: at }])
    const twins = await clickhouseRows(
      stores,
      "select sequence, max(rows_total) - min(rows_total) as apart from sink_watermarks where table_name = 'transactions' and stream = 'dropcopy' group by 1",
    )
    expect(twins.length).toBeGreaterThan(0)
    for (const twin of twins) expect(twin['apart']).toBe(BigInt(twin['sequence'] ?? '0') >= (planted[0]?.event ?? 0n) ? '1' : '0')
    expect(twins.map(twin => twin['sequence'])).toContain(events.toString())
    expect(await balanceDifferences(stores)).toEqual({})
  })

  it.concurrent('duplicate-row-different-amount leaves two amounts under one identity', async () => {
    const { stores, planted } = await commit([{ name: 'duplicate-row-different-amount', event: at }])
    const [fault] = planted
    if (fault === undefined) throw new Error('nothing planted')
    const rows = await clickhouseRows(
      stores,
      `select transaction_id, any(account_id) as account, any(asset) as asset, toString(argMin(amount, abs(amount))) as truth, toString(sum(amount)) as both
       from (select distinct transaction_id, account_id, asset, amount from transactions) group by transaction_id having count() > 1`,
    )
    expect(rows.map(row => row['transaction_id'])).toEqual(fault.transactionIds)
    expect(rows.map(row => [row['account'], row['asset']])).toEqual(fault.keys.map(key => [key.account_id, key.asset]))
    // The wrong amount is twice the right one, and both are there.
    expect(units(rows[0]?.['both'])).toBe(3n * units(rows[0]?.['truth']))
    expect(await balanceDifferences(stores)).toEqual(sumOf(planted))
    expect(units(fault.keys[0]?.difference)).toBe(-2n * units(rows[0]?.['truth']))
    expect(await repairFault(stores, fault)).toBe(true)
    expect(await balanceDifferences(stores)).toEqual({})
  })

  it.concurrent.each(['torn-batch', 'token-regressed'] as const)('%s leaves state above the token, and the engine stopped', async name => {
    const { stores, planted, status } = await commit([{ name, event: at }])
    expect(status.roles['trade-engine']).toBe('halted')
    const event = planted[0]?.event ?? 0n
    const [cut] = await postgresRows(
      stores,
      `select coalesce((select sequence from trade_engine.resume_tokens), 0)::text as token, max(dropcopy_sequence)::text as stamp
       from accounts.balances`,
    )
    expect(BigInt(cut?.['token'] ?? '0')).toBeLessThan(event)
    expect(BigInt(cut?.['token'] ?? '0')).toBeGreaterThan(0n)
    expect(BigInt(cut?.['stamp'] ?? '0')).toBeGreaterThanOrEqual(event)
    expect(await falseWatermarks(stores)).toEqual([])
  })

  it.concurrent('can be planted while the exchange runs, one after the other', async () => {
    const stores = await engines.createStores('planted live')
    made.push(stores)
    const exchange = await startExchange({ stores, spec, rate: 1_000, sink: { lagMsMin: 0, lagMsMax: 100, batchMs: 20 } })
    const signal = AbortSignal.timeout(30_000)
    try {
      await exchange.folded(200n, signal)
      // Late enough that on a busy machine the processes hear of it before they are there.
      const first = exchange.plant({ name: 'lost-row', event: exchange.status().published + 2_000n })
      const second = exchange.plant({ name: 'stale-balance', event: first.event + 100n })
      await exchange.folded(second.event + 200n, signal)
      await exchange.pause('feed')
      await exchange.caughtUp(signal)
      const planted = exchange.planted()
      expect(planted.map(({ fault, event }) => ({ fault, event }))).toEqual([
        { fault: 'lost-row', event: first.event },
        { fault: 'stale-balance', event: second.event },
      ])
      expect(await balanceDifferences(stores)).toEqual(sumOf(planted))
      for (const fault of planted) await repairFault(stores, fault)
      exchange.resume('feed')
      await exchange.folded(second.event + 800n, signal)
      await exchange.pause('feed')
      await exchange.caughtUp(signal)
      expect(await balanceDifferences(stores)).toEqual({})
    } finally {
      await exchange.stop()
    }
  })
})

/** Faults that reach positions or what they realize, and stop nothing. */
function ofPositions(name: FaultName): boolean {
  return ['closing fill', 'last fill', 'earlier fill'].includes(faultNamed(name).suits) || name.includes('position')
}

/** Faults whose differences simply add up: none changes what another does. */
const additive = faultNames.filter(name => !ofPositions(name) && !/^(bust|watermark-stuck|watermarks|torn|token|duplicate)/.test(name))

/** How many rows more there are than the watermarks say. */
function rowsGap({ fault, transactionIds }: PlantedFault): bigint | undefined {
  if (fault === 'rows-extra') return 1n
  return ['lost-row', 'lost-deposit-row', 'watermark-ahead-of-rows'].includes(fault) ? -BigInt(transactionIds.length) : undefined
}

/** The recorded differences of several faults, key by key, zero left out. */
function sumOf(planted: readonly PlantedFault[]): Record<string, bigint> {
  const sums = new Map<string, bigint>()
  for (const { account_id, asset, difference } of planted.flatMap(fault => fault.keys)) {
    const key = keyText(account_id, asset)
    sums.set(key, (sums.get(key) ?? 0n) + units(difference))
  }
  return Object.fromEntries([...sums].filter(([, sum]) => sum !== 0n))
}

/** Distinct transactions minus what the least of the last watermarks count, over both streams. */
async function rowsBeyondWatermark(stores: Stores): Promise<bigint> {
  const [row] = await clickhouseRows(
    stores,
    `select toString(toInt64(sum(rows)) - toInt64(sum(total))) as gap
     from (
       select w.stream as stream, any(w.rows) as total, uniqExactIf(t.transaction_id, t.sequence <= w.last) as rows
       from (select stream, max(sequence) as last, argMax(rows_total, (sequence, -rows_total)) as rows
             from sink_watermarks where table_name = 'transactions' group by stream) as w
       left join transactions as t on t.stream = w.stream
       group by stream)`,
  )
  return BigInt(row?.['gap'] ?? '0')
}
