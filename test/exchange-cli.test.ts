import { PassThrough } from 'node:stream'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type SimCommandOptions, simCommand } from '../cli/sim.ts'
import type { Stores } from '../sim/sandbox/stores.ts'
import { balanceDifferences, keyText, postgresRows, units } from './exchange/stored.ts'
import { describeEngines, startTestEngines, type TestEngines } from './support/engines.ts'
import { until } from './support/until.ts'

describeEngines('recon sim', () => {
  let engines: TestEngines
  const made: Stores[] = []
  beforeAll(async () => {
    engines = await startTestEngines()
  })
  afterAll(() => Promise.all(made.map(stores => stores.drop())))

  const fresh = async () => {
    const stores = await engines.createStores('sim command')
    made.push(stores)
    return stores
  }
  const run = async (
    options: SimCommandOptions,
    urls: { postgresUrl?: string; clickhouseUrl?: string },
    signal = AbortSignal.timeout(30_000),
  ) => {
    const [stdout, stderr] = [new PassThrough(), new PassThrough()]
    const status = await simCommand(options, { stdout, stderr, signal, urls })
    return { status, stdout: String(stdout.read() ?? ''), stderr: String(stderr.read() ?? '') }
  }

  it('drives the events asked for into both stores and prints one JSON line with what was planted', async () => {
    const stores = await fresh()
    const { status, stdout } = await run({ events: 600, seed: 5, accounts: 50, fault: 'sign-flipped@200' }, stores)
    expect(status).toBe(0)
    expect(stdout.trim().split('\n').length).toBe(1)
    const summary = JSON.parse(stdout)
    expect(summary).toMatchObject({
      schema: 'recon.sim/1',
      seed: '5',
      dropcopy: { published: '600', engine: '600', sink: '600' },
      planted: [{ fault: 'sign-flipped', expect: { 'transactions-balance': { verdict: 'diff', reasonCode: 'value-mismatch' } } }],
    })
    const [{ keys, event }] = summary.planted
    expect(BigInt(event)).toBeGreaterThanOrEqual(200n)
    expect(await balanceDifferences(stores)).toEqual({ [keyText(keys[0].account_id, keys[0].asset)]: units(keys[0].difference) })
  })

  it('refuses everything that is wrong at once, with the nearest fault and the list', async () => {
    const { status, stdout, stderr } = await run({ events: 0, rate: -1, accounts: 1, fault: ['lost-rwo', 'stale-balance@x'] }, {})
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' })
    for (const part of [
      'did you mean "lost-row"',
      'token-regressed',
      'stale-balance@x',
      '--events',
      '--rate',
      '--accounts',
      'RECON_POSTGRES_URL',
      'RECON_CLICKHOUSE_URL',
    ])
      expect(stderr).toContain(part)
  })

  it('refuses a fault that has nothing to happen to, and stores that no sandbox made, whatever the flags', async () => {
    const stores = await fresh()
    const late = await run({ events: 10, accounts: 50, fault: 'lost-row@5000' }, stores)
    expect(late.status).toBe(2)
    expect(late.stderr).toContain('the exchange ends at 10')
    await postgresRows(stores, 'drop table recon_sandbox.marker')
    const refused = await run({ events: 10, accounts: 50, fault: 'lost-row' }, stores)
    expect(refused.status).toBe(2)
    expect(refused.stderr).toContain('not made by `recon sandbox`')
    expect(await postgresRows(stores, 'select execution_id from trade_engine.trades')).toEqual([])
  })

  it('ends in order when it is told to', async () => {
    const stores = await fresh()
    const told = new AbortController()
    const running = run({ events: 1_000_000, rate: 500, accounts: 50 }, stores, told.signal)
    while ((await postgresRows(stores, 'select 1 as row from trade_engine.trades limit 1')).length === 0)
      expect(told.signal.aborted).toBe(false)
    told.abort()
    expect((await running).status).toBe(0)
    const sessions = `select pid::text from pg_stat_activity where application_name like 'recon-sim%' and datname = current_database()`
    await until('no process of the exchange is connected', async () => (await postgresRows(stores, sessions)).length === 0)
  })
})
