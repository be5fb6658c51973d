import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { main } from '../cli/main.ts'
import type { RecordableRun } from '../stores/state/run-record.ts'
import { openState, type State } from '../stores/state/state.ts'
import { systemClock } from '../stores/system-clock.ts'
import { type Books, openBooks } from './support/books.ts'
import { describeEngines, startTestEngines } from './support/engines.ts'
import { runStruck } from './support/struck-exchange.ts'

type Environment = Readonly<Record<string, string>>

const never = new AbortController().signal
const HOSTILE = 'A\u001b[2J\n"x"'

describeEngines('recon explain', () => {
  let folder: string
  let books: Books
  let state: State
  let environment: Environment
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'recon-explain-'))
    books = await openBooks(await (await startTestEngines()).createStores('explain cli'))
    await runStruck(books.stores, 600n, { name: 'altered-amount-by-1e-18', event: 100n })
    const { readOnlyPostgresUrl, readOnlyClickhouseUrl, reconUrl } = books.stores
    state = await openState(reconUrl, { connectTimeoutMs: 5_000, statementTimeoutMs: 5_000, migrateTimeoutMs: 20_000, signal: never })
    // It only reads, so that it needs no more than a role that can.
    environment = { RECON_POSTGRES_URL: readOnlyPostgresUrl, RECON_CLICKHOUSE_URL: readOnlyClickhouseUrl, RECON_STATE_URL: reconUrl }
  })
  afterAll(async () => {
    await state?.close()
    await books?.close()
    rmSync(folder, { recursive: true, force: true })
  })

  const recon = async (args: readonly string[], change: Environment = {}) => {
    const [stdin, stdout, stderr] = [new PassThrough(), new PassThrough(), new PassThrough()]
    const said = Promise.all([text(stdout), text(stderr)])
    const status = await main(args, {
      stdin,
      stdout,
      stderr,
      signal: AbortSignal.timeout(30_000),
      environment: { ...environment, ...change },
      workingFolder: folder,
      clock: systemClock,
      color: false,
    })
    stdout.end()
    stderr.end()
    const [out, err] = await said
    return { status, out, err }
  }
  const record = async (runId: string, run: Partial<RecordableRun> & Readonly<Record<string, unknown>>) => {
    const recorded: RecordableRun & Readonly<Record<string, unknown>> = {
      schema: 'recon.run/1',
      runId,
      check: 'transactions-balance',
      verdict: 'diff',
      reasonCode: 'value-mismatch',
      reason: 'so',
      epoch: { dropcopy: '600', cash: '60' },
      mismatchCount: '0',
      mismatches: [],
      startedAt: '2026-11-24T00:00:00.000Z',
      finishedAt: '2026-11-24T00:00:01.000Z',
      ...run,
    }
    await state.recordRun(recorded, undefined, never)
  }

  it('takes a recorded difference down to the fact, by the beginning of its ID, as text and as one JSON document', async () => {
    const checked = await recon(['check', 'transactions-balance', '--json'])
    expect(checked.status).toBe(10)
    const runId = String(JSON.parse(checked.out).runId)

    const explained = await recon(['explain', runId.slice(0, 30), '--json'])

    expect(explained).toMatchObject({ status: 0, err: '' })
    expect(JSON.parse(explained.out)).toMatchObject({
      schema: 'recon.explain/1',
      runId,
      outcome: 'explained',
      keysDiffering: '1',
      keysLeftOut: '0',
      keys: [{ outcome: 'stands', facts: [{ kind: 'altered', difference: { amount: '-0.000000000000000001' } }] }],
    })
    const told = await recon(['explain', runId])
    expect(told).toMatchObject({ status: 0, err: '' })
    expect(told.out).toContain('1 of 1 differing keys; facts: 1 altered; ClickHouse likely wrong in 1')
    expect(told.out).toMatch(/likely wrong: clickhouse, transactions \(history-differs\)/)
    expect(told.out).toMatch(/altered +dropcopy +\d+ +2026-01-01 00:00:00\.\d{6} +fee .* -0\.000000000000000001 +execution_id E\d+/)
  })

  it('reads the logs by the names that the configuration maps', async () => {
    const checked = JSON.parse((await recon(['check', 'transactions-balance', '--json'])).out)
    const whole = JSON.parse((await recon(['explain', checked.runId, '--json'])).out)
    await books.pg.query(`alter table trade_engine.trades rename to fills; alter table trade_engine.fills rename realized_pnl to "Gain";
      alter table accounts.transfers rename column account_id to owner`)
    try {
      expect(await recon(['explain', checked.runId])).toMatchObject({ status: 11, out: '', err: expect.stringMatching(/trades/) })
      writeFileSync(
        join(folder, 'renamed.yaml'),
        'tables: {postgres: {trades: {table: trade_engine.fills, columns: {realized_pnl: Gain}}, transfers: {columns: {account_id: owner}}}}\n',
      )
      const renamed = await recon(['--config', 'renamed.yaml', 'explain', checked.runId, '--json'])
      expect(JSON.parse(renamed.out)).toEqual(whole)
    } finally {
      await books.pg.query(`alter table trade_engine.fills rename "Gain" to realized_pnl; alter table trade_engine.fills rename to trades;
        alter table accounts.transfers rename column owner to account_id`)
    }
  })

  it('refuses with 2 a run that is not recorded, a beginning that several runs have, and to do without its own database', async () => {
    await record('same-1', {})
    await record('same-2', {})
    expect(await recon(['explain', 'nothing'])).toMatchObject({ status: 2, out: '', err: expect.stringMatching(/nothing.*recon history/) })
    expect(await recon(['explain', ''])).toMatchObject({ status: 2, out: '' })
    expect(await recon(['explain', 'same'])).toMatchObject({ status: 2, out: '', err: expect.stringMatching(/same-2, same-1/) })
    expect(await recon(['explain', 'x'], { RECON_STATE_URL: '' })).toMatchObject({
      status: 2,
      err: expect.stringMatching(/RECON_STATE_URL/),
    })
    expect(await recon(['explain', 'x', '--limit', '0'])).toMatchObject({ status: 2, err: expect.stringMatching(/whole number/) })
  })

  it('says of a run that found no difference that there is nothing to explain, without asking the stores', async () => {
    const nowhere = { RECON_POSTGRES_URL: '', RECON_CLICKHOUSE_URL: '' }
    await record('calm', { verdict: 'balanced', reasonCode: 'balanced' })
    await record('blind', { verdict: 'inconclusive', reasonCode: 'horizon-timeout', reason: 'too late', epoch: null })
    expect(await recon(['explain', 'calm'], nowhere)).toMatchObject({ status: 0, out: expect.stringMatching(/nothing to explain/) })
    expect(await recon(['explain', 'blind'], nowhere)).toMatchObject({
      status: 0,
      out: expect.stringMatching(/too late.*no difference to explain/),
    })
  })

  it('says with 11 that a store cannot be reached', async () => {
    await record('far', { mismatchCount: '1', mismatches: [mismatch({ account_id: 'A', asset: 'USD' })] })
    const change = { RECON_POSTGRES_URL: 'postgresql://nobody@127.0.0.1:1/x' }
    expect(await recon(['explain', 'far'], change)).toMatchObject({
      status: 11,
      out: '',
      err: expect.stringMatching(/postgres: .*ECONNREFUSED/),
    })
  })

  it('shows what a check recorded whose facts it does not know, and lets no name of it reach the terminal', async () => {
    await record('own', { check: 'tellers-balance', mismatchCount: '3', mismatches: [mismatch({ teller: HOSTILE })] })
    const { status, out } = await recon(['explain', 'own'])
    expect(status).toBe(0)
    expect(out).toContain('nothing is known here of the facts behind the check tellers-balance')
    expect(out).toContain('teller "A\\u{1b}[2J\\n\\"x\\""')
    expect(out).toContain('left balance 2, right balance 1')
    expect(out).toContain('... and 2 more keys')
    expect(out).not.toContain('\u001b')
  })

  it('shows the findings of a check with the custodian, with the transfers that they name', async () => {
    const { rows } = await books.pg.query<{ transfer_id: string; custodian_reference: string; sequence: string }>(
      'select transfer_id, custodian_reference, sequence::text from accounts.transfers order by sequence limit 2',
    )
    const [first, second] = rows
    await record('custody', {
      check: 'omnibus-balances-square',
      mismatchCount: '1',
      mismatches: [mismatch({ asset: 'USD' })],
      findings: [{ kind: 'amount-mismatch', key: { reference: HOSTILE }, detail: { transfer_id: first?.transfer_id } }],
      explained: [{ reference: second?.custodian_reference, kind: 'deposit-in-flight', asset: 'USD', amount: '5', ageMs: 7 }],
    })
    const { out } = await recon(['explain', 'custody', '--json'])
    expect(JSON.parse(out)).toMatchObject({
      outcome: 'explained',
      mismatches: [{ key: { asset: 'USD' } }],
      findings: [{ kind: 'amount-mismatch' }],
      explained: [{ amount: '5', ageMs: 7 }],
      transfers: [first, second].map(row => ({
        stream: 'cash',
        sequence: row?.sequence,
        ids: { transfer_id: row?.transfer_id, custodian_reference: row?.custodian_reference },
      })),
    })
    const told = (await recon(['explain', 'custody'])).out
    expect(told).toMatch(/findings of the run[\s\S]*amount-mismatch +reference "A\\u\{1b\}/)
    expect(told).toMatch(/transfers that they name[\s\S]*cash +1 /)
  })

  it('shows the findings of a check per symbol, with the last positions of the accounts that they name', async () => {
    const { rows } = await books.pg.query<{ account_id: string; symbol: string; sequence: string; quantity: string }>(
      `select account_id, symbol, sequence::text, trim_scale(quantity)::text as quantity from trade_engine.positions where account_id <> 'AX-FEES' limit 1`,
    )
    const [held] = rows
    const key = { account_id: held?.account_id, symbol: held?.symbol }
    await record('marks', { check: 'pnl-is-zero-sum', findings: [{ kind: 'unrealized-differs', key, detail: {} }] })
    const { out } = await recon(['explain', 'marks', '--json'])
    expect(JSON.parse(out)).toMatchObject({
      outcome: 'explained',
      positions: [{ ...key, sequence: held?.sequence, amounts: { quantity: held?.quantity } }],
    })
  })
})

function mismatch(key: Readonly<Record<string, string>>) {
  return { key, kind: 'value', left: { balance: '2' }, right: { balance: '1' }, difference: { balance: '1' } }
}
