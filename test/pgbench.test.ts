import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Run } from '../checks/run.ts'
import { main } from '../cli/main.ts'
import { withPostgres } from '../sim/engines/postgres-client.ts'
import type { Stores } from '../sim/sandbox/stores.ts'
import { systemClock } from '../stores/system-clock.ts'
import { describeEngines, startTestEngines } from './support/engines.ts'
import { documentBlocks } from './support/relations.ts'
import { until } from './support/until.ts'

const run = promisify(execFile)
const LOAD_SECONDS_MAX = 60

const pgbench = await run('pgbench', ['--version']).then(
  () => true,
  () => false,
)

// The worked example of docs/custom-relations.md, word for word, under a load that is not ours.
const suite = pgbench
  ? describeEngines
  : (name: string, tests: () => void) => describe.skip(`${name} [skipped: pgbench is not installed]`, tests)
suite('the worked example of docs/custom-relations.md, under the load of pgbench', () => {
  let stores: Stores
  let folder: string
  beforeAll(async () => {
    stores = await (await startTestEngines()).createStores('pgbench')
    folder = mkdtempSync(join(tmpdir(), 'recon-pgbench-'))
    const [example = ''] = documentBlocks('yaml')
    writeFileSync(join(folder, 'recon.yaml'), example)
    await run('pgbench', ['--initialize', '--quiet', stores.postgresUrl])
    const [prepare = ''] = documentBlocks('sql')
    await withPostgres(stores.postgresUrl, client => client.query(prepare))
  })
  afterAll(async () => {
    rmSync(folder, { recursive: true, force: true })
    await stores.drop()
  })

  const scalar = (sql: string) =>
    withPostgres(stores.postgresUrl, async client =>
      BigInt((await client.query<{ n: string }>(`select (${sql})::text as n`)).rows[0]?.n ?? '0'),
    )
  const writtenRows = () => scalar('select count(*) from pgbench_history')
  const loadSessions = () => scalar(`select count(*) from pg_stat_activity where application_name = 'pgbench'`)
  const greatestSequence = () => scalar('select max(sequence) from pgbench_history')

  const check = async (): Promise<{ status: number; run: Run }> => {
    const [stdin, stdout, stderr] = [new PassThrough(), new PassThrough(), new PassThrough()]
    const status = await main(['check', 'accounts-match-history', '--json'], {
      stdin,
      stdout,
      stderr,
      signal: AbortSignal.timeout(60_000),
      environment: {
        RECON_POSTGRES_URL: stores.readOnlyPostgresUrl,
        RECON_CLICKHOUSE_URL: stores.readOnlyClickhouseUrl,
        RECON_STATE_URL: stores.reconUrl,
      },
      workingFolder: folder,
      clock: systemClock,
      color: false,
    })
    expect(String(stderr.read() ?? '')).toBe('')
    return { status, run: JSON.parse(String(stdout.read())) }
  }

  it('is balanced in every run while the accounts are written, at an epoch that moves', async () => {
    const load = spawn('pgbench', ['--no-vacuum', '--client', '4', '--time', String(LOAD_SECONDS_MAX), stores.postgresUrl], {
      stdio: 'ignore',
    })
    const ended = once(load, 'close')
    try {
      await until('the load has begun', async () => (await writtenRows()) > 0n)
      const epochs: bigint[] = []
      for (let round = 0; round < 6; round++) {
        const { status, run } = await check()
        expect({ status, reason: run.reason, verdict: run.verdict }).toMatchObject({ status: 0, verdict: 'balanced' })
        expect(run).toMatchObject({ keysCompared: '100000', canary: 'found', horizon: { strategy: 'log' }, warnings: [] })
        epochs.push(BigInt(run.epoch?.['bench'] ?? '-1'))
      }
      expect(load.exitCode).toBeNull()
      // It moved between any two runs, and so during each.
      expect(epochs.filter((epoch, at) => epoch > (epochs[at - 1] ?? 0n))).toEqual(epochs)
    } finally {
      load.kill('SIGINT')
      await ended
      await until('its sessions have ended', async () => (await loadSessions()) === 0n)
    }
    expect((await check()).run).toMatchObject({ verdict: 'balanced', epoch: { bench: String(await greatestSequence()) } })
  })

  it('names the account of the one row of history that was altered, and by how much', async () => {
    const altered = await withPostgres(stores.postgresUrl, async client => {
      const { rows } = await client.query<{ aid: number }>(
        `update pgbench_history set delta = delta + 7
        where sequence = (select max(sequence) / 2 from pgbench_history) returning aid`,
      )
      return String(rows[0]?.aid)
    })
    const { status, run } = await check()
    expect({ status, verdict: run.verdict, reasonCode: run.reasonCode }).toEqual({
      status: 10,
      verdict: 'diff',
      reasonCode: 'value-mismatch',
    })
    expect(run.mismatches).toMatchObject([{ key: { aid: altered }, difference: { balance: '-7' } }])
    expect(run.mismatchCount).toBe('1')
  })

  it('counts a transaction as part of the epoch when it is committed, and not before', async () => {
    const inserted = await withPostgres(stores.postgresUrl, async client => {
      await client.query('begin')
      const { rows } = await client.query<{ sequence: string }>(
        'insert into pgbench_history (tid, bid, aid, delta, mtime) values (1, 1, 1, 5, now()) returning sequence::text',
      )
      await client.query('update pgbench_accounts set abalance = abalance + 5 where aid = 1')
      const { run } = await check()
      expect(run).toMatchObject({ verdict: 'diff', mismatchCount: '1', epoch: { bench: String(await greatestSequence()) } })
      await client.query('commit')
      return BigInt(rows[0]?.sequence ?? '0')
    })
    const { run } = await check()
    expect(run).toMatchObject({ verdict: 'diff', mismatchCount: '1', epoch: { bench: String(inserted) } })
  })
})
