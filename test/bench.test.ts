import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type CheckJob, inOwnProcess, measureRun } from '../bench/check-job.ts'
import { doJob } from '../bench/do-job.ts'
import { appendHistory } from '../bench/growth/append-history.ts'
import { foldBooks } from '../bench/growth/fold-books.ts'
import { GROWTH_CHECKS } from '../bench/growth/growth-checks.ts'
import { openGrowthStores } from '../bench/growth/growth-stores.ts'
import { historyOf } from '../bench/growth/volume.ts'
import { benchGrowth } from '../bench/growth.ts'
import { readBenchRequest } from '../bench/options.ts'
import { BUILTIN_CHECK_NAMES, CUSTODY_CHECK_NAMES } from '../checks/builtin.ts'
import { describeEngines, type PrivateEngines, startPrivateEngines } from './support/engines.ts'

describe('what the bench is asked for', () => {
  it('is both parts unless one is named, at the volumes of the environment', () => {
    expect(readBenchRequest([], {})).toMatchObject({
      kind: 'measure',
      floor: { keys: 1_000_000, transactions: 20_000_000 },
      growth: { volumes: [1_000_000, 10_000_000, 50_000_000], keys: 1_000_000, increment: 100_000 },
    })
    expect(readBenchRequest(['growth'], { BENCH_VOLUMES: '5000,10000', BENCH_KEYS: '800' })).toMatchObject({
      floor: undefined,
      growth: { volumes: [5_000, 10_000], keys: 800 },
    })
    expect(readBenchRequest(['floor'], { BENCH_VOLUMES: '1' })).toMatchObject({ kind: 'measure', growth: undefined })
    expect(readBenchRequest(['--help'], {})).toEqual({ kind: 'help' })
  })

  it.each([
    { args: ['grwoth'], environment: {}, words: 'floor, growth, or nothing' },
    { args: ['--fast'], environment: {}, words: '--fast' },
    { args: [], environment: { BENCH_VOLUMES: '1000000,many' }, words: 'BENCH_VOLUMES must be a whole number, not "many"' },
    { args: [], environment: { BENCH_VOLUMES: '500000' }, words: '500000 transactions are too few for a row of each of 1000000 keys' },
    { args: [], environment: { BENCH_INCREMENT: '7' }, words: 'multiples of 500' },
  ])('is refused with what is wrong where it cannot be measured: $words', ({ args, environment, words }) => {
    const request = readBenchRequest(args, environment)
    expect(request.kind === 'unusable' && request.reason).toContain(words)
  })

  it('is every check of the product', () => {
    expect([...GROWTH_CHECKS].sort()).toEqual([...BUILTIN_CHECK_NAMES, ...CUSTODY_CHECK_NAMES].sort())
  })
})

describeEngines('the bench of growth', () => {
  let engines: PrivateEngines
  beforeAll(async () => {
    engines = await startPrivateEngines()
  })
  afterAll(() => engines.stop())

  it('makes books that every check finds balanced, from checkpoints on too, and reads as little over ten times the history', async () => {
    const work = async (job: CheckJob) => ({ ...(await doJob(job)), peakBytes: 0 })
    const options = { volumes: [200_000, 20_000], keys: 8_000, increment: 2_000 }
    const report = await benchGrowth(engines.createStores, options, { work, rounds: 1, progress: () => undefined })
    const [least, greatest] = report.volumes
    expect(report.volumes.map(({ volume }) => volume.transactions)).toEqual([20_000, 200_000])
    expect(greatest?.rows).toMatchObject({
      transactions: 202_404,
      'accounts.balances': 8_000,
      'trade_engine.positions': 8_000,
      movements: 404,
    })
    for (const check of GROWTH_CHECKS) {
      const [before, after] = [least?.checks[check], greatest?.checks[check]]
      expect(after?.fullRowsRead).toBeGreaterThan(3 * (before?.fullRowsRead ?? Number.POSITIVE_INFINITY))
      expect(after?.rowsRead).toBeLessThan(2 * (before?.rowsRead ?? 0))
      expect(report.growth[check]).toBeGreaterThan(0)
    }
    expect(greatest?.audit.segments).toBeGreaterThan(5 * (least?.audit.segments ?? Number.POSITIVE_INFINITY))
    expect(greatest?.postgresLayout?.ms).toBeGreaterThan(0)
  })

  it('measures nothing on books that are not balanced', async () => {
    const stores = await openGrowthStores(engines.createStores)
    try {
      const stretch = historyOf({ keys: 80, transactions: 500, increment: 500 })
      await appendHistory(stores.clickhouse, 80, stretch)
      await foldBooks(stores.clickhouse, stores.postgres, stretch)
      await stores.postgres.query(
        `update accounts.balances set balance = balance + 1e-18 where account_id = (select min(account_id) from accounts.balances)`,
      )
      await expect(measureRun(inOwnProcess, 'transactions-balance', stores.main)).rejects.toThrow('value-mismatch')
      await expect(measureRun(inOwnProcess, 'positions-match', stores.main)).resolves.toMatchObject({
        run: { verdict: 'balanced', keysCompared: '80' },
      })
    } finally {
      await stores.drop()
    }
  })
})
