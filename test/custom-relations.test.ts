import { randomUUID } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { text } from 'node:stream/consumers'
import { afterEach, beforeAll, beforeEach, expect, it } from 'vitest'
import { customCheck } from '../checks/custom/custom-check.ts'
import { inspectRelation } from '../checks/custom/inspect-relation.ts'
import type { Run } from '../checks/run.ts'
import { type RunOptions, runCheck } from '../checks/run-check.ts'
import { examine } from '../cli/doctor/examine.ts'
import { main } from '../cli/main.ts'
import { connectClickHouse } from '../stores/clickhouse/connection.ts'
import { postgresLogLeg } from '../stores/postgres/log-leg.ts'
import { parseSqlTemplate } from '../stores/sql-template.ts'
import { systemClock } from '../stores/system-clock.ts'
import { type Books, openBooks } from './support/books.ts'
import { describeEngines, startTestEngines, type TestEngines } from './support/engines.ts'
import { configOf, documentBlocks, relationOf } from './support/relations.ts'

const [, FEES = ''] = documentBlocks('yaml')

/** A relation of a PostgreSQL table `facts (k, v)` with what a ClickHouse select says of it, pinned to the dropcopy alone. */
function againstFacts(left: string, right: string, { horizon = '{ settle: 0s }', keys = '[k]', values = '[v]' } = {}): string {
  return `relations:
  mine:
    description: mine
    keys: ${keys}
    values: ${values}
    streams: { runs: select max(sequence) from facts }
    left: { store: postgres, kind: snapshot, sql: ${JSON.stringify(left)} }
    right: { store: clickhouse, kind: as-of, horizon: ${horizon}, sql: ${JSON.stringify(right)} }
`
}

describeEngines("a relation of one's own", () => {
  let engines: TestEngines
  let books: Books
  let serial = 0

  beforeAll(async () => {
    engines = await startTestEngines()
  })
  beforeEach(async () => {
    books = await openBooks(await engines.createStores(`custom_${serial++}`))
  })
  afterEach(() => books.close())

  const run = (yaml: string, options: Partial<RunOptions> = {}, sources = books.sources()): Promise<Run> =>
    runCheck(customCheck(relationOf(yaml), sources), {
      runId: randomUUID(),
      clock: systemClock,
      signal: new AbortController().signal,
      timeoutMs: 20_000,
      captureTimeoutMs: 500,
      horizonTimeoutMs: 500,
      maxMismatches: 100,
      ...options,
    })
  const problems = (yaml: string) =>
    inspectRelation(relationOf(yaml), books.sources(), { clock: systemClock, signal: new AbortController().signal })

  /** Fees of two assets, the last of them above the epoch, and other movements that are not the relation's business. */
  const writeFees = async (change: Partial<Record<'usd' | 'btc', string>> = {}) => {
    await books.token('10')
    await books.balance('AX-FEES', 'USD', '3.000000000000000001', '10')
    await books.balance('AX-FEES', 'BTC', '0.25', '9')
    await books.balance('A1', 'USD', '77', '10')
    await books.transactions([
      { sequence: '8', transaction_id: 'a', account_id: 'AX-FEES', amount: '1' },
      { sequence: '9', transaction_id: 'b', account_id: 'AX-FEES', asset: 'BTC', amount: change.btc ?? '0.25' },
      { sequence: '10', transaction_id: 'c', account_id: 'AX-FEES', amount: change.usd ?? '2.000000000000000001' },
      { sequence: '10', transaction_id: 'd', account_id: 'A1', amount: '-5' },
      { sequence: '11', transaction_id: 'e', account_id: 'AX-FEES', amount: '9' },
    ])
  }

  it('compares a select of PostgreSQL with one of ClickHouse, exactly, as of the epoch', async () => {
    await writeFees()
    await books.watermark('dropcopy', '11', '5')
    const balanced = await run(FEES)
    expect(balanced).toMatchObject({
      verdict: 'balanced',
      epoch: { dropcopy: '10', cash: '0' },
      keysCompared: '2',
      canary: 'found',
      warnings: [],
    })
    expect(balanced.horizon).toMatchObject({
      strategy: 'watermark',
      legs: [
        {
          table: 'transactions',
          at: { dropcopy: '11', cash: '0' },
          rowsTotal: { dropcopy: '5', cash: '0' },
          addresses: { dropcopy: '5', cash: '0' },
        },
      ],
    })
  })

  it('needs no more than roles that can only read', async () => {
    await writeFees()
    await books.watermark('dropcopy', '11', '5')
    const { readOnlyPostgresUrl, readOnlyClickhouseUrl } = books.stores
    const clickhouse = connectClickHouse({ ...books.clickhouse.store, url: readOnlyClickhouseUrl })
    try {
      const sources = books.sources({ clickhouse, postgres: { ...books.sources().postgres, url: readOnlyPostgresUrl } })
      expect(await run(FEES, {}, sources)).toMatchObject({ verdict: 'balanced', keysCompared: '2', warnings: [] })
    } finally {
      await clickhouse.close()
    }
  })

  it('sees an amount that was altered in its last place, and repeated deliveries not at all', async () => {
    await writeFees({ usd: '2.000000000000000002' })
    await books.transactions([{ sequence: '9', transaction_id: 'b', account_id: 'AX-FEES', asset: 'BTC', amount: '0.25' }])
    await books.watermark('dropcopy', '11', '5')
    const diff = await run(FEES)
    expect(diff).toMatchObject({ verdict: 'diff', reasonCode: 'value-mismatch', mismatchCount: '1' })
    expect(diff.mismatches).toMatchObject([{ key: { asset: 'USD' }, difference: { fees: '-0.000000000000000001' } }])
  })

  it('proves what it read by counts: a row that its own sums do not need is missed all the same', async () => {
    await writeFees()
    await books.watermark('dropcopy', '11', '6')
    const short = await run(FEES)
    expect(short).toMatchObject({ verdict: 'diff', reasonCode: 'rows-missing', mismatchCount: '0' })
    await books.watermark('dropcopy', '10', '3')
    expect(await run(FEES)).toMatchObject({ verdict: 'diff', reasonCode: 'rows-extra' })
  })

  it('waits for rows that the watermark vouches for', async () => {
    await writeFees()
    await books.watermark('dropcopy', '11', '6')
    let paused = false
    const clock = {
      ...systemClock,
      sleep: async (ms: number, signal: AbortSignal) => {
        // A run's own deadline is a sleep too, of seconds; its pauses are shorter.
        if (!paused && ms < 1_000) {
          paused = true
          await books.transactions([{ sequence: '7', transaction_id: 'late', account_id: 'A2', amount: '1' }])
        }
        await systemClock.sleep(ms, signal)
      },
    }
    const late = await run(FEES, { clock, horizonTimeoutMs: 10_000 })
    expect({ paused, ...late }).toMatchObject({ paused: true, verdict: 'balanced', horizon: { readings: 2 } })
  })

  it('is inconclusive where no watermark comes', async () => {
    await writeFees()
    await books.watermark('dropcopy', '9', '2')
    const late = await run(FEES)
    expect(late).toMatchObject({ verdict: 'inconclusive', reasonCode: 'horizon-timeout' })
    expect(late.reason).toContain('the watermark of transactions for stream dropcopy stands at 9 and must reach 10')
  })

  it('says of a leg without counts that nothing proves it complete', async () => {
    await writeFees()
    await books.watermark('dropcopy', '11', '99')
    const uncounted = await run(FEES.replace(/ {8}rows:\n.*\n.*\n/, ''))
    expect(uncounted).toMatchObject({ verdict: 'balanced', horizon: { strategy: 'settle' } })
    expect(uncounted.warnings).toEqual([
      'right: the watermark of transactions was waited for, but no count (horizon.rows) proves complete what was read',
    ])
    const settled = await run(FEES.replace(/ {6}horizon:\n[\s\S]*/, '      horizon: { settle: 10ms }\n'))
    expect(settled).toMatchObject({ verdict: 'balanced', horizon: { strategy: 'settle' } })
    expect(settled.warnings).toEqual(['right: nothing proves complete what was read 10 ms after the capture'])
  })

  it('compares two as-of legs, a log of PostgreSQL and a history of ClickHouse, at the epoch that PostgreSQL has folded', async () => {
    await books.pg.query(
      `insert into accounts.transfers values ('t1', 1, 'A', 'USD', 'deposit', 5, 'r1', now()), ('t2', 2, 'A', 'USD', 'withdrawal', 2, 'r2', now())`,
    )
    await books.transactions([
      { stream: 'cash', sequence: '1', transaction_id: 't1', account_id: 'A', amount: '5' },
      { stream: 'cash', sequence: '2', transaction_id: 't2', account_id: 'A', amount: '-2' },
      { stream: 'cash', sequence: '3', transaction_id: 't3', account_id: 'A', amount: '100' },
    ])
    await books.watermark('cash', '3', '3')
    const yaml = `relations:
  transfers-match:
    description: transfers = transactions of the cash stream
    keys: [account_id, asset]
    values: [cash]
    aggregating: true
    left:
      store: postgres
      kind: as-of
      streams: [cash]
      sql: >-
        select account_id, asset, sum(case direction when 'deposit' then amount else -amount end) as cash
        from accounts.transfers where sequence <= {epoch.cash} group by account_id, asset
    right:
      store: clickhouse
      kind: as-of
      streams: [cash]
      sql: >-
        select account_id, asset, sum(toDecimal256(amount, 18)) as cash
        from (select distinct * from transactions where stream = 'cash' and sequence <= {epoch.cash}) group by account_id, asset
      horizon:
        watermark: transactions
        rows: { cash: "select uniqExact(transaction_id) from transactions where stream = 'cash' and sequence <= {horizon.cash}" }
`
    const balanced = await run(yaml)
    expect(balanced).toMatchObject({
      verdict: 'balanced',
      epoch: { dropcopy: '0', cash: '2' },
      keysCompared: '1',
      capture: { attempts: 0 },
    })
    expect(balanced.horizon.legs).toMatchObject([
      { table: 'transfers-match.left', at: { cash: '2' } },
      { table: 'transactions', at: { cash: '3' } },
    ])
    await books.pg.query(`update accounts.transfers set amount = 3 where transfer_id = 't2'`)
    expect((await run(yaml)).mismatches).toMatchObject([{ key: { account_id: 'A', asset: 'USD' }, difference: { cash: '-1' } }])
  })

  it('takes keys and values by any name, whole numbers and NULL among the keys', async () => {
    await books.pg.query(`create table facts (sequence bigint, k integer, v bigint);
      insert into facts values (1, 10, 1), (2, 9, 2), (3, null, 3), (4, -1, 4)`)
    const yaml = againstFacts(
      'select k as "order", \'it\'\'s \' || k as "Select", v as v0, v as "User" from facts',
      `select * from values('\`order\` Nullable(Int64), \`Select\` Nullable(String), v0 Int8, User Decimal(10, 2)',
        (10, 'it''s 10', 1, 1), (9, 'it''s 9', 2, 2), (null, null, 3, 3), (-1, 'it''s -1', 4, 4.5)) where {epoch.runs} >= 4`,
      { keys: '[order, Select]', values: '[v0, User]' },
    )
    const diff = await run(yaml)
    expect(diff).toMatchObject({ verdict: 'diff', reasonCode: 'value-mismatch', keysCompared: '4', mismatchCount: '1', canary: 'found' })
    expect(diff.mismatches).toEqual([
      {
        key: { order: '-1', Select: "it's -1" },
        kind: 'value',
        left: { v0: '4', User: '4' },
        right: { v0: '4', User: '4.5' },
        difference: { v0: '0', User: '-0.5' },
      },
    ])
  })

  it('tells everything that does not fit the live schema at once, before anything is read', async () => {
    await books.pg.query(`create table facts (sequence bigint, k text, v double precision, w numeric)`)
    const yaml = `relations:
  mine:
    description: mine
    keys: [k]
    values: [v, w]
    streams: { runs: select max(sequense) from facts, dates: select current_date, two: "select 1, 2" }
    left:
      store: postgres
      kind: snapshot
      sql: select k, v, k as more from facts
      stamps: select 0 as runs, 1.5::float as dates, 0 as tow
    right:
      store: clickhouse
      kind: as-of
      sql: select account_id as k, avg(amount) as v, sum(amount) as w from transactoins where sequence <= {epoch.runs} + {epoch.dates} + {epoch.two}
      horizon:
        watermark: transactions
        rows:
          runs: select {horizon.runs} frm t
          dates: select count(), {horizon.dates} from transactions
          two: select count() from transactions where sequence <= {horizon.two}
`
    const found = await problems(yaml)
    expect(found).toEqual([
      expect.stringMatching(/^streams\.runs: postgres: column "sequense" does not exist/),
      'streams.dates: the select gives date and must give a whole number',
      'streams.two: the select gives 2 columns and must give one number',
      'left.sql: column w is missing; the select gives k, v, more',
      'left.sql: column more is neither a key nor a value; leave it out',
      'left.sql: value v is double precision and must be exact: a decimal or a whole number, all the way from the table',
      'left.stamps: there is no column two; a stream that changes none of the rows is stamped 0',
      'left.stamps: stamp dates is double precision and must be a whole number',
      'left.stamps: column tow is no stream of this relation',
      expect.stringMatching(/^right\.sql: clickhouse: .*transactoins/),
      expect.stringMatching(/^right\.horizon\.rows\.runs: clickhouse: .*[Ss]yntax error/),
      'right.horizon.rows.dates: the select gives 2 columns and must give one number',
    ])
    const refused = await run(yaml)
    expect(refused).toMatchObject({ verdict: 'inconclusive', reasonCode: 'schema-mismatch', epoch: null })
    for (const problem of await problems(yaml)) expect(refused.reason).toContain(problem)
  })

  it('is looked at by recon doctor, which tells every problem and every leg that nothing proves', async () => {
    await books.pg.query('create table facts (sequence bigint, k text, v numeric)')
    const { postgresUrl, clickhouseUrl } = books.stores
    const examined = async (yaml: string) => {
      const context = { clock: systemClock, signal: new AbortController().signal }
      const findings = await examine({ postgresUrl, clickhouseUrl }, configOf(yaml).config, context)
      return findings.filter(({ id }) => id.startsWith('relations.')).map(({ status, what }) => `${status} ${what}`)
    }
    expect(await examined(FEES)).toEqual(['ok its SQL fits the stores'])
    const right = `select 'a' as k, 1 as v where {epoch.runs} > 0`
    expect(await examined(againstFacts('select k, v from facts', right))).toEqual([
      'ok its SQL fits the stores',
      'warn right: nothing proves complete what was read 0 ms after the capture',
    ])
    const wrong = againstFacts('select k, v as w, v::real as v from facts', right)
    expect(await examined(wrong)).toEqual([
      'fail left.sql: column w is neither a key nor a value; leave it out',
      expect.stringMatching(/^fail left\.sql: value v is real and must be exact/),
    ])
    expect(await examined(`${wrong}checks: { mine: { enabled: false } }\n`)).toEqual([])
  })

  it('looks for inexact arithmetic in ClickHouse, wherever in the select it stands', async () => {
    await books.pg.query('create table facts (sequence bigint, k text, v numeric)')
    await books.command(
      'create table t (s UInt64, k LowCardinality(Nullable(String)), v Nullable(Decimal(38, 18)), f Float64) engine = MergeTree order by s',
    )
    const found = (select: string, rest = '') =>
      problems(againstFacts('select k, v from facts', `select ${select} from t where s <= {epoch.runs} ${rest}`))
    const one = (start: string) => [expect.stringContaining(`right.sql: ${start}`)]
    expect(await found('k, sum(toDecimal256(v, 18)) as v', 'group by k')).toEqual([])
    expect(await found('k, count() as v', 'group by k')).toEqual([])
    expect(await found('k, sum(v) as v', 'group by k')).toEqual(one('sum gives Decimal(38, 18), which overflows silently'))
    expect(await found('k, sumIf(s, s > 0) as v', 'group by k')).toEqual(one('sumIf gives UInt64, which overflows silently'))
    expect(await found('k, v * v as v')).toEqual(one('a product is Decimal(38, 36), which overflows silently'))
    expect(await found('k, toDecimal128(avg(v), 18) as v', 'group by k')).toEqual(one('avg gives Float64, which is not exact'))
    expect(await found('f as k, v')).toEqual(one('key k is Float64, which stores write in different ways'))
    expect(await found('k, f as v')).toEqual(one('value v is Float64 and must be exact'))
  })

  it('has an epoch of its own: what another check has seen of other streams is no regression', async () => {
    await books.token('5')
    await books.watermark('dropcopy', '5', '0')
    await books.pg.query(`create table facts (sequence bigint, k text, v numeric); insert into facts values (3, 'a', 1)`)
    const folder = mkdtempSync(join(tmpdir(), 'recon-custom-'))
    const config = join(folder, 'recon.yaml')
    writeFileSync(config, againstFacts('select k, v from facts', `select 'a' as k, 1 as v where {epoch.runs} > 0`))
    const { postgresUrl, clickhouseUrl, reconUrl } = books.stores
    const environment = { RECON_POSTGRES_URL: postgresUrl, RECON_CLICKHOUSE_URL: clickhouseUrl, RECON_STATE_URL: reconUrl }
    const check = async (name: string): Promise<Run> => {
      const [stdin, stdout, stderr] = [new PassThrough(), new PassThrough(), new PassThrough()]
      const signal = AbortSignal.timeout(30_000)
      const io = { stdin, stdout, stderr, signal, environment, workingFolder: folder, clock: systemClock, color: false }
      await main(['--config', config, 'check', name, '--json'], io)
      return JSON.parse(String(stdout.read()))
    }
    try {
      expect(await check('transactions-balance')).toMatchObject({ verdict: 'balanced', epoch: { dropcopy: '5', cash: '0' } })
      expect(await check('mine')).toMatchObject({ verdict: 'balanced', epoch: { runs: '3' } })
      expect(await check('transactions-balance')).toMatchObject({ verdict: 'balanced' })
      await books.pg.query('update facts set sequence = 2')
      expect(await check('mine')).toMatchObject({ verdict: 'inconclusive', reasonCode: 'epoch-regression' })
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  })

  it('believes a log only where it stands at the epoch: a server that lags is asked again, and is no difference', async () => {
    await books.pg.query(`create table facts (sequence bigint, k text, v numeric); insert into facts values (7, 'a', 1)`)
    const leg = postgresLogLeg({
      name: 'facts',
      store: books.sources().postgres,
      streams: [{ name: 'runs', sql: 'select max(sequence) from facts' }],
      rows: parseSqlTemplate('select k, v from facts where sequence <= {epoch.runs}'),
      shape: { keys: ['k'], values: ['v'], aggregating: false },
      memoryBytesMax: 1 << 20,
    })
    const context = { clock: systemClock, signal: new AbortController().signal }
    const textAt = async (runs: bigint) => {
      const horizon = await leg.awaitHorizon({ runs }, 0, context)
      if (horizon.kind !== 'reached') throw new Error('a log waits for nothing')
      return text(leg.read({ runs }, horizon.horizon, context).lines)
    }
    expect(await textAt(7n)).toBe('a\t1\n')
    expect(await textAt(6n)).toBe('')
    await expect(textAt(8n)).rejects.toMatchObject({ reasonCode: 'horizon-timeout', retryable: true })
  })

  it('calls two rows of one key a mistake in the SQL', async () => {
    await books.pg.query(`create table facts (sequence bigint, k text, v numeric); insert into facts values (1, 'a', 1), (2, 'a', 2)`)
    const twice = await run(againstFacts('select k, v from facts', `select 'a' as k, 3 as v where {epoch.runs} > 0`))
    expect(twice).toMatchObject({ verdict: 'inconclusive', reasonCode: 'schema-mismatch' })
    expect(twice.reason).toContain('group by the keys')
  })

  it('tells a role that may not read what the SQL reads', async () => {
    await books.pg.query(`create table facts (sequence bigint, k text, v numeric); create role recon_blind_${serial} login password 'x'`)
    try {
      const url = new URL(books.stores.postgresUrl)
      url.username = `recon_blind_${serial}`
      url.password = 'x'
      const sources = books.sources({ postgres: { ...books.sources().postgres, url: url.href } })
      const relation = relationOf(againstFacts('select k, v from facts', `select 'a' as k, 3 as v where {epoch.runs} > 0`))
      const refused = inspectRelation(relation, sources, { clock: systemClock, signal: new AbortController().signal })
      await expect(refused).rejects.toMatchObject({ reasonCode: 'permission-denied' })
    } finally {
      await books.pg.query(`drop role recon_blind_${serial}`)
    }
  })
})
