import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { pathToFileURL } from 'node:url'
import { Client } from 'pg'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { compiledEntry } from '../sim/engines/package-root.ts'
import { transferAt } from '../sim/exchange/cash-stream.ts'
import { writeTransfers } from '../sim/exchange/cash-writer.ts'
import { openDropcopy } from '../sim/exchange/dropcopy.ts'
import { type Exchange, startExchange } from '../sim/exchange/exchange.ts'
import type { ExchangeOptions } from '../sim/exchange/exchange-options.ts'
import { defaultMarketSpec, openMarket } from '../sim/exchange/market.ts'
import { openTradeEngine } from '../sim/exchange/trade-engine.ts'
import type { Stores } from '../sim/sandbox/stores.ts'
import { balanceDifferences, clickhouseRows, falseWatermarks, postgresRows, postgresState } from './exchange/stored.ts'
import { describeEngines, startTestEngines, type TestEngines } from './support/engines.ts'
import { until } from './support/until.ts'

const deadline = () => AbortSignal.timeout(40_000)
const spec = { seed: 'live', accounts: 400, eventsPerTransfer: 10, openingDeposits: 50 }
const quick = { lagMsMin: 0, lagMsMax: 300, replayChance: 0.3, batchMs: 50 }

describeEngines('the simulated exchange', () => {
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
  const stores = async (name: string) => {
    const fresh = await engines.createStores(name)
    made.push(fresh)
    return fresh
  }
  const start = async (options: ExchangeOptions) => {
    const exchange = await startExchange(options)
    running.push(exchange)
    return exchange
  }

  it('ends in the same state whether or not its processes are killed, between any two commits and any two inserts', async () => {
    const [calmStores, stormyStores] = [await stores('calm'), await stores('stormy')]
    const calm = await start({
      stores: calmStores,
      spec,
      rate: Number.POSITIVE_INFINITY,
      events: 8_000n,
      sink: { ...quick, replayChance: 0 },
    })
    await calm.caughtUp(deadline())
    await calm.stop()
    const stormy = await start({ stores: stormyStores, spec, rate: 600, events: 8_000n, sink: quick })
    const partial = { tradesOnly: 0, tradesAndState: 0, rowsAboveWatermark: 0 }

    while (stormy.status().published < 6_000n) {
      await Promise.all([
        (async () => {
          // Whole batches only, so that what is left behind is known to be from this crash.
          await stormy.folded(stormy.status().published, deadline())
          await stormy.crash('trade-engine', 'after-trades')
          const tradesOnly = await aboveToken(stormyStores)
          expect(tradesOnly).toEqual({ trades: true, state: false })
          partial.tradesOnly += 1
          await stormy.restart('trade-engine')
          await stormy.crash('trade-engine', 'after-state')
          expect((await aboveToken(stormyStores)).state).toBe(true)
          partial.tradesAndState += 1
          await stormy.restart('trade-engine')
          await stormy.crash('trade-engine')
          await stormy.restart('trade-engine')
        })(),
        (async () => {
          await stormy.crash('sink', 'after-rows')
          partial.rowsAboveWatermark += Number((await rowsAboveWatermarks(stormyStores)) > 0n)
          await stormy.restart('sink')
          await stormy.crash('cash-writer')
          await stormy.restart('cash-writer')
          expect(await falseWatermarks(stormyStores)).toEqual([])
        })(),
      ])
    }
    await stormy.caughtUp(deadline())
    await stormy.stop()

    const state = await postgresState(stormyStores)
    expect(state).toEqual(await postgresState(calmStores))
    expect(state.trades.length).toBeGreaterThan(7_000)
    expect(state.trades.filter(row => row['row']?.includes('busted')).length).toBeGreaterThan(50)
    expect(partial.tradesOnly).toBeGreaterThan(1)
    expect(partial.tradesAndState).toBeGreaterThan(1)
    expect(partial.rowsAboveWatermark).toBeGreaterThan(0)
    const distinct = 'select distinct * from transactions order by stream, sequence, transaction_id'
    const withoutTime = (rows: Record<string, string>[]) => rows.map(({ occurred_at: _, ...row }) => row)
    expect(withoutTime(await clickhouseRows(stormyStores, distinct))).toEqual(withoutTime(await clickhouseRows(calmStores, distinct)))
    for (const finished of [calmStores, stormyStores]) {
      expect(await balanceDifferences(finished)).toEqual({})
      expect(await positionDifferences(finished)).toEqual([])
      expect(await falseWatermarks(finished)).toEqual([])
    }
    const [repeated] = await clickhouseRows(stormyStores, 'select count() - uniqExact(transaction_id) as rows from transactions')
    expect(Number(repeated?.['rows'])).toBeGreaterThan(100)
  })

  it('keeps balances, positions and trades true to each other and to the streams, by sums that share nothing with the fold', async () => {
    const own = await stores('sums')
    const exchange = await start({ stores: own, spec, rate: Number.POSITIVE_INFINITY, events: 3_008n, sink: quick })
    await exchange.caughtUp(deadline())
    await exchange.stop()
    const fromTrades = await postgresRows(
      own,
      `select p.account_id, p.symbol from trade_engine.positions p
       full join (select account_id, symbol, sum(case when (side = 'buy') = (state = 'new') then quantity else -quantity end) as quantity,
                         sum(realized_pnl) as realized_pnl, max(sequence) as sequence
                  from trade_engine.trades group by account_id, symbol) t using (account_id, symbol)
       where (p.quantity, p.realized_pnl, p.sequence) is distinct from (t.quantity, t.realized_pnl, t.sequence)`,
    )
    expect(fromTrades).toEqual([])
    const [zeroSum] = await postgresRows(
      own,
      `select count(*) filter (where pnl <> 0)::text as wrong, count(*)::text as symbols
       from (select symbol, sum(realized_pnl + quantity * 123.456789 - cost_basis) as pnl from trade_engine.positions group by symbol) s`,
    )
    // 3,008 is a multiple of the dropcopy's block of 32, where no trade is cut in two.
    expect(zeroSum).toEqual({ wrong: '0', symbols: '4' })
    const [custody] = await postgresRows(
      own,
      `select ((select sum(balance) from accounts.balances) - (select sum(realized_pnl) from trade_engine.trades)
               - (select sum(case direction when 'deposit' then amount else -amount end) from accounts.transfers))::text as gap`,
    )
    expect(Number(custody?.['gap'])).toBe(0)
    const [shape] = await postgresRows(
      own,
      `select count(*)::text as transfers, max(sequence)::text as last, (count(*) filter (where direction = 'withdrawal') > 0)::text as withdrawals
       from accounts.transfers`,
    )
    expect(shape).toEqual({ transfers: '352', last: '352', withdrawals: 'true' })
  })

  it('goes on where it stopped with the same seed, and refuses another one', async () => {
    const own = await stores('again')
    const options = { stores: own, spec, rate: Number.POSITIVE_INFINITY, sink: quick } as const
    for (const through of [700n, 1_400n]) {
      const exchange = await start({ ...options, events: 700n })
      await exchange.caughtUp(deadline())
      expect(exchange.status().token).toBe(through)
      await exchange.stop()
    }
    expect(await balanceDifferences(own)).toEqual({})
    expect(await falseWatermarks(own)).toEqual([])
    await expect(startExchange({ ...options, spec: { ...spec, seed: 'other' }, events: 1n })).rejects.toThrow(/seed "live" and not "other"/)
  })

  it('[P-SANDBOX-ONLY] refuses stores that no sandbox made, and writes nothing there', async () => {
    const own = await stores('unmarked')
    await postgresRows(own, 'drop table recon_sandbox.marker')
    await expect(startExchange({ stores: own, spec, events: 1n })).rejects.toThrow(/not made by `recon sandbox`/)
    expect(await postgresRows(own, `select 1 as made where to_regclass('recon_sandbox.exchange') is not null`)).toEqual([])
  })

  it('tells whoever waits when a process dies by itself', async () => {
    const own = await stores('dies')
    const exchange = await start({ stores: own, spec, rate: 1_000, sink: quick })
    const ended = exchange.ended.then(
      () => 'stopped',
      (error: Error) => error.message,
    )
    await exchange.folded(200n, deadline())
    await postgresRows(
      own,
      `select pg_terminate_backend(pid) from pg_stat_activity
       where application_name = 'recon-sim trade-engine' and datname = current_database()`,
    )
    await expect(exchange.caughtUp(deadline())).rejects.toThrow(/trade-engine ended by itself: exit status 1/)
    expect(await ended).toContain('trade-engine')
    await exchange.stop()
    await exchange.stop()
  })

  it('leaves no process behind when its parent is killed', async () => {
    const own = await stores('orphans')
    const program = `
      const { startExchange } = await import(${JSON.stringify(pathToFileURL(compiledEntry('sim/exchange/exchange.ts')).href)})
      await startExchange({ stores: ${JSON.stringify({ postgresUrl: own.postgresUrl, clickhouseUrl: own.clickhouseUrl })}, rate: 1000 })
      process.stdout.write('ready')`
    const parent = spawn(process.execPath, ['--input-type=module', '-e', program], { stdio: ['ignore', 'pipe', 'inherit'] })
    await once(parent.stdout, 'data')
    const sessions = `select pid::text from pg_stat_activity where application_name like 'recon-sim%' and datname = current_database()`
    expect((await postgresRows(own, sessions)).length).toBe(3)
    parent.kill('SIGKILL')
    await until('all of its processes are gone', async () => (await postgresRows(own, sessions)).length === 0, 10_000)
  })

  it('gives transfers dense sequences in commit order from any number of writers, while the engine adds to the same balances', async () => {
    const own = await stores('cash')
    const market = openMarket({ ...defaultMarketSpec, seed: 'cash', accounts: 20 })
    const clients = Array.from({ length: 5 }, () => new Client({ connectionString: own.postgresUrl }))
    await Promise.all(clients.map(client => client.connect()))
    const [forEngine, ...writers] = clients
    if (forEngine === undefined) throw new Error('no client')
    try {
      const engine = await openTradeEngine(forEngine, openDropcopy(market), {
        faults: () => [],
        report: () => undefined,
        afterStep: () => undefined,
      })
      const fold = async () => {
        for (let through = 40n; through <= 4_000n; through += 40n) await engine.foldThrough(through)
      }
      const write = async (client: Client, writer: number) => {
        for (let round = 0; round < 40; round += 1) {
          const numbers = [1, 2, 3].map(number => BigInt(3 + writer * 1000 + round * 3 + number))
          await writeTransfers(
            client,
            numbers.map(number => transferAt(market, number)),
          )
        }
      }
      await Promise.all([fold(), ...writers.map(write)])
    } finally {
      await Promise.all(clients.map(client => client.end()))
    }
    const [dense] = await postgresRows(
      own,
      'select count(*)::text as transfers, min(sequence)::text as first, max(sequence)::text as last from accounts.transfers',
    )
    expect(dense).toEqual({ transfers: '480', first: '1', last: '480' })
    const wrong = await postgresRows(
      own,
      `select b.account_id from accounts.balances b
       left join (select account_id, asset, sum(case direction when 'deposit' then amount else -amount end) as amount, max(sequence) as last
                  from accounts.transfers group by account_id, asset) c using (account_id, asset)
       where b.cash_sequence <> coalesce(c.last, 0)`,
    )
    expect(wrong).toEqual([])
    const [gap] = await postgresRows(
      own,
      `select ((select sum(balance) from accounts.balances) - (select sum(realized_pnl) from trade_engine.trades)
               - (select sum(case direction when 'deposit' then amount else -amount end) from accounts.transfers))::text as gap`,
    )
    expect(Number(gap?.['gap'])).toBe(0)
  })
})

/** Which tables hold something above the resume token: what a crash between two commits leaves. */
async function aboveToken(stores: Stores) {
  const [row] = await postgresRows(
    stores,
    `with token as (select coalesce(max(sequence), 0) as sequence from trade_engine.resume_tokens)
     select exists (select from trade_engine.trades t, token where t.sequence > token.sequence)::text as trades,
            (exists (select from trade_engine.positions p, token where p.sequence > token.sequence)
             or exists (select from accounts.balances b, token where b.dropcopy_sequence > token.sequence))::text as state`,
  )
  return { trades: row?.['trades'] === 'true', state: row?.['state'] === 'true' }
}

async function rowsAboveWatermarks(stores: Stores): Promise<bigint> {
  const [row] = await clickhouseRows(
    stores,
    `select count() as rows from transactions
     where stream = 'dropcopy' and sequence > (select max(sequence) from sink_watermarks where table_name = 'transactions' and stream = 'dropcopy')`,
  )
  return BigInt(row?.['rows'] ?? '0')
}

/** Positions of PostgreSQL and last rows of ClickHouse's history that differ, stamp included. */
async function positionDifferences(stores: Stores): Promise<string[]> {
  const [left, right] = await Promise.all([
    postgresRows(
      stores,
      `select account_id, symbol, trim_scale(quantity)::text as quantity, trim_scale(cost_basis)::text as cost_basis,
              trim_scale(realized_pnl)::text as realized_pnl, sequence::text as sequence
       from trade_engine.positions`,
    ),
    clickhouseRows(
      stores,
      `select account_id, symbol, toString(argMax(quantity, p.sequence)) as quantity, toString(argMax(cost_basis, p.sequence)) as cost_basis,
              toString(argMax(realized_pnl, p.sequence)) as realized_pnl, toString(max(p.sequence)) as sequence
       from positions as p group by account_id, symbol`,
    ),
  ])
  const text = (row: Record<string, string>) =>
    JSON.stringify(['account_id', 'symbol', 'quantity', 'cost_basis', 'realized_pnl', 'sequence'].map(column => row[column]))
  const [a, b] = [new Set(left.map(text)), new Set(right.map(text))]
  expect(a.size).toBeGreaterThan(100)
  return [...a].filter(row => !b.has(row)).concat([...b].filter(row => !a.has(row)))
}
