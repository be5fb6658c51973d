import { randomUUID } from 'node:crypto'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import pg from 'pg'
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { ReconError } from '../epoch/recon-error.ts'
import { StoreError } from '../epoch/store-error.ts'
import type { RecordableRun } from '../stores/state/run-record.ts'
import { openState, type State } from '../stores/state/state.ts'
import { describeEngines, startTestEngines } from './support/engines.ts'

let server: string
let url: string
let state: State
const never = new AbortController().signal
const options = { connectTimeoutMs: 5_000, statementTimeoutMs: 5_000, migrateTimeoutMs: 20_000, signal: never }

async function sql<Row extends pg.QueryResultRow>(text: string, values: unknown[] = [], database = url): Promise<Row[]> {
  const client = new pg.Client({ connectionString: database })
  await client.connect()
  try {
    return (await client.query<Row>(text, values)).rows
  } finally {
    await client.end()
  }
}

async function freshDatabase(): Promise<string> {
  const name = `state_${randomUUID().replaceAll('-', '')}`
  await sql(`create database ${name}`, [], server)
  const fresh = new URL(server)
  fresh.pathname = `/${name}`
  return fresh.href
}

let runNumber = 0
function run(fields: Partial<RecordableRun> & { readonly reason?: string } = {}): RecordableRun & { readonly reason?: string } {
  runNumber++
  return {
    runId: `run-${runNumber}`,
    check: 'transactions-balance',
    verdict: 'balanced',
    reasonCode: 'balanced',
    epoch: { dropcopy: '10', cash: '1' },
    startedAt: '2026-01-02T03:04:05.678Z',
    finishedAt: '2026-01-02T03:04:06.000Z',
    ...fields,
  }
}
const record = (fields: Parameters<typeof run>[0], era?: bigint) => state.recordRun(run(fields), era, never)

describeEngines("recon's own database", () => {
  beforeAll(async () => {
    server = (await startTestEngines()).postgresUrl
  })

  beforeEach(async () => {
    url = await freshDatabase()
    state = await openState(url, options)
  })
  afterEach(() => state.close())

  describe('recorded runs', () => {
    it('come back digit for digit and character for character, newest first', async () => {
      const awkward = 'quote " newline \n tab \t zero \u0000 snowman ☃ lone surrogate-free'
      const big = run({ epoch: { dropcopy: '9223372036854775807', cash: '0' }, reason: awkward })
      await state.recordRun(run({ check: 'positions-match' }), undefined, never)
      await state.recordRun(big, undefined, never)

      const [newest, ...older] = await state.history({ limit: 10 }, never)

      expect(newest?.document).toBe(JSON.stringify(big))
      expect(newest?.epoch).toEqual({ dropcopy: '9223372036854775807', cash: '0' })
      expect(newest?.startedAt).toBe('2026-01-02T03:04:05.678Z')
      expect(older.map(({ check }) => check)).toEqual(['positions-match'])
      expect(await state.getRun(big.runId, never)).toEqual(newest)
      expect(await state.getRun('no such run', never)).toBeUndefined()
    })

    it('are listed by check, by verdict, page by page', async () => {
      const ids: string[] = []
      for (const verdict of ['balanced', 'diff', 'balanced', 'inconclusive'] as const) {
        const recorded = run({ verdict, reasonCode: 'x' })
        ids.unshift(recorded.runId)
        await state.recordRun(recorded, undefined, never)
      }
      const list = async (query: Parameters<State['history']>[0]) => (await state.history(query, never)).map(({ runId }) => runId)

      expect(await list({ limit: 2 })).toEqual(ids.slice(0, 2))
      expect(await list({ limit: 2, before: ids[1] })).toEqual(ids.slice(2))
      expect(await list({ limit: 9, verdict: 'balanced' })).toEqual([ids[1], ids[3]])
      expect(await list({ limit: 9, check: 'positions-match' })).toEqual([])
      expect(await list({ limit: 9, before: 'no such run' })).toEqual([])
    })

    it('are recorded once: the first of two under one ID stays', async () => {
      const first = run({ verdict: 'diff', reasonCode: 'value-mismatch' })
      expect(await state.recordRun(first, undefined, never)).toBe(true)
      expect(await state.recordRun({ ...first, verdict: 'balanced', epoch: { dropcopy: '99' } }, undefined, never)).toBe(false)
      expect((await state.getRun(first.runId, never))?.verdict).toBe('diff')
      expect((await state.highestEpochs(never)).epoch).toEqual({ dropcopy: 10n, cash: 1n })
    })

    it.each([
      ['runs', `update recon.runs set verdict = 'balanced'`],
      ['runs', 'delete from recon.runs'],
      ['runs', 'truncate recon.runs cascade'],
      ['run_epochs', 'update recon.run_epochs set sequence = 0'],
      ['run_epochs', 'delete from recon.run_epochs'],
      ['run_epochs', 'truncate recon.run_epochs'],
      ['epoch_acceptances', `update recon.epoch_acceptances set reason = 'other'`],
      ['epoch_acceptances', 'delete from recon.epoch_acceptances'],
      ['epoch_acceptances', 'truncate recon.epoch_acceptances'],
    ])('[P-APPEND-ONLY] cannot be changed afterwards: %s refuses %s', async (table, statement) => {
      await record({ verdict: 'diff', reasonCode: 'value-mismatch' })
      await state.acceptEpoch('a failover', never)
      await expect(sql(statement)).rejects.toThrow(`recon.${table} is append-only`)
      expect(await state.history({ limit: 9 }, never)).toHaveLength(1)
    })
  })

  describe('the highest epochs', () => {
    it('are nothing where nothing was recorded', async () => {
      expect(await state.highestEpochs(never)).toEqual({ era: 0n, epoch: {} })
    })

    it('are the greatest sequence of each stream, over all checks and verdicts, up to 2^63-1', async () => {
      await record({ epoch: { dropcopy: '9', cash: '30' } })
      await record({
        epoch: { dropcopy: '9223372036854775807', cash: '2', third: '0' },
        check: 'positions-match',
        verdict: 'diff',
        reasonCode: 'rows-extra',
      })
      await record({ epoch: { dropcopy: '10', cash: '4' }, verdict: 'inconclusive', reasonCode: 'horizon-timeout' })
      expect((await state.highestEpochs(never)).epoch).toEqual({ dropcopy: 9223372036854775807n, cash: 30n, third: 0n })
    })

    it("do not count runs that captured no epoch, that saw it go back, or whose epoch is not the engine's", async () => {
      await record({ epoch: { dropcopy: '9', cash: '3' } })
      await record({ epoch: null, verdict: 'inconclusive', reasonCode: 'store-unreachable' })
      await record({ epoch: { dropcopy: '2', cash: '50' }, verdict: 'inconclusive', reasonCode: 'epoch-regression' })
      await record({ epoch: { dropcopy: '7000', cash: '7000' }, epochOf: 'mark-cycle' })
      expect((await state.highestEpochs(never)).epoch).toEqual({ dropcopy: 9n, cash: 3n })
    })

    it('begin anew once an epoch was accepted, which says what was given up', async () => {
      await record({ epoch: { dropcopy: '100', cash: '3' } })
      const accepted = await state.acceptEpoch('failover to the standby', never)
      expect(accepted).toMatchObject({ era: 1n, reason: 'failover to the standby', epoch: { dropcopy: 100n, cash: 3n } })
      expect(await state.highestEpochs(never)).toEqual({ era: 1n, epoch: {} })

      await record({ epoch: { dropcopy: '80', cash: '3' } })
      expect((await state.highestEpochs(never)).epoch).toEqual({ dropcopy: 80n, cash: 3n })
    })

    it('are not raised by a run that began before the acceptance and is recorded after it', async () => {
      const { era } = await state.highestEpochs(never)
      await state.acceptEpoch('failover', never)
      await record({ epoch: { dropcopy: '100', cash: '3' } }, era)
      expect((await state.highestEpochs(never)).epoch).toEqual({})
    })

    it('cannot be accepted without a reason', async () => {
      await expect(state.acceptEpoch('  ', never)).rejects.toBeInstanceOf(StoreError)
    })
  })

  describe('migrating', () => {
    it('is safe when five instances start at once', async () => {
      const empty = await freshDatabase()
      const states = await Promise.all(Array.from({ length: 5 }, () => openState(empty, options)))
      await Promise.all(states.map((each, index) => each.recordRun(run({ runId: `of ${index}` }), undefined, never)))
      expect(await states[0]?.history({ limit: 9 }, never)).toHaveLength(5)
      const files = readdirSync(join(import.meta.dirname, '..', 'stores', 'state', 'migrations'))
      const applied = await sql<{ name: string }>('select name from recon.migrations order by name', [], empty)
      expect(applied.map(({ name }) => `${name}.sql`)).toEqual(files.sort())
      await Promise.all(states.map(each => each.close()))
    })

    it('waits for a migrator that holds the lock, and gives up at its deadline', async () => {
      const empty = await freshDatabase()
      const holder = new pg.Client({ connectionString: empty })
      await holder.connect()
      await holder.query('select pg_advisory_lock(7130210877)')
      await expect(openState(empty, { ...options, migrateTimeoutMs: 200 })).rejects.toMatchObject({ reasonCode: 'statement-timeout' })
      const waiting = openState(empty, options)
      await expect.poll(() => sql(`select from pg_locks where locktype = 'advisory' and not granted`, [], empty)).toHaveLength(1)
      await holder.end()
      await (await waiting).close()
    })

    it('refuses a database that a newer version has migrated', async () => {
      await sql(`insert into recon.migrations (name, run_on) values ('0099_from-the-future', now())`)
      const refused = await openState(url, options).catch((error: unknown) => error)
      expect(refused).toBeInstanceOf(ReconError)
      expect(refused).toMatchObject({ code: 'state-newer', message: expect.stringContaining('0099_from-the-future') })
    })

    it('leaves nothing behind when it fails half way', async () => {
      const empty = await freshDatabase()
      await sql('create schema recon', [], empty)
      await sql('create table recon.run_epochs (only_here int)', [], empty)
      await expect(openState(empty, options)).rejects.toThrow(/run_epochs.* already exists/)
      expect(
        await sql(
          `select from pg_class c join pg_namespace n on n.oid = relnamespace where nspname = 'recon' and relname = 'runs'`,
          [],
          empty,
        ),
      ).toEqual([])
    })
  })

  describe('a database that cannot answer', () => {
    it('is a typed error that says why: wrong port, wrong password, no such database', async () => {
      const change = (edit: (address: URL) => void) => {
        const address = new URL(url)
        edit(address)
        return openState(address.href, options).catch((error: unknown) => error)
      }
      expect(await change(address => (address.port = '1'))).toMatchObject({ reasonCode: 'store-unreachable' })
      expect(await change(address => (address.password = 'wrong'))).toMatchObject({
        reasonCode: 'store-unreachable',
        message: expect.stringContaining('password'),
      })
      expect(await change(address => (address.pathname = '/nowhere'))).toMatchObject({
        reasonCode: 'store-unreachable',
        message: expect.stringContaining('nowhere'),
      })
    })

    it('ends a statement at its time-out and serves the next one', async () => {
      const impatient = await openState(url, { ...options, statementTimeoutMs: 200 })
      const locker = new pg.Client({ connectionString: url })
      await locker.connect()
      await locker.query('begin; lock table recon.runs in access exclusive mode')
      await expect(impatient.history({ limit: 1 }, never)).rejects.toMatchObject({ reasonCode: 'statement-timeout' })
      await locker.end()
      expect(await impatient.history({ limit: 1 }, never)).toEqual([])
      await impatient.close()
    })

    it('rejects with the reason of the signal when it is aborted, and stays usable', async () => {
      const locker = new pg.Client({ connectionString: url })
      await locker.connect()
      await locker.query('begin; lock table recon.runs in access exclusive mode')
      const abort = new AbortController()
      const waiting = state.history({ limit: 1 }, abort.signal)
      await expect.poll(() => sql('select from pg_locks where not granted')).toHaveLength(1)
      abort.abort(new Error('no longer wanted'))
      await expect(waiting).rejects.toThrow('no longer wanted')
      await locker.end()
      expect(await state.history({ limit: 1 }, never)).toEqual([])
    })

    it('loses an idle connection without ending the process, and opens another', async () => {
      await record({})
      await sql(
        `select pg_terminate_backend(pid, 2000) from pg_stat_activity where application_name = 'recon-engine state' and datname = current_database()`,
      )
      await expect.poll(() => state.history({ limit: 1 }, never).catch(() => [])).toHaveLength(1)
    })

    it('can be closed twice', async () => {
      await state.close()
      await state.close()
    })
  })
})
