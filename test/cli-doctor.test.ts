import { Writable } from 'node:stream'
import { beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { loadConfig } from '../cli/config/load.ts'
import { needsOf } from '../cli/doctor/check-needs.ts'
import { doctorCommand } from '../cli/doctor/command.ts'
import { examine } from '../cli/doctor/examine.ts'
import type { Finding } from '../cli/doctor/finding.ts'
import { judgeClickHouse } from '../cli/doctor/judge-clickhouse.ts'
import { judgeClock } from '../cli/doctor/judge-clock.ts'
import { judgeReadOnly } from '../cli/doctor/judge-read-only.ts'
import { judgeWatermarks } from '../cli/doctor/judge-watermarks.ts'
import { startCustodian } from '../sim/custodian/custodian.ts'
import { withClickHouse } from '../sim/engines/clickhouse-client.ts'
import { withPostgres } from '../sim/engines/postgres-client.ts'
import type { Stores } from '../sim/sandbox/stores.ts'
import { systemClock } from '../stores/system-clock.ts'
import { describeEngines, startTestEngines, type TestEngines } from './support/engines.ts'

const context = { clock: systemClock, signal: new AbortController().signal }

const RELATIONS = ['transactions-balance', 'position-realized-pnls-balance', 'positions-match']

function configOf(
  stores: Pick<Stores, 'reconUrl'> | undefined,
  checks: readonly string[] = RELATIONS,
  custodian: Readonly<Record<string, string>> = {},
) {
  const environment = { ...custodian, ...(stores ? { RECON_STATE_URL: stores.reconUrl } : {}) }
  return loadConfig({ environment, workingFolder: '/nowhere', file: undefined, knownChecks: checks }).config
}

function notWell(findings: readonly Finding[]): Record<string, string> {
  return Object.fromEntries(findings.filter(({ status }) => status !== 'ok').map(({ id, status, what }) => [id, `${status}: ${what}`]))
}

describeEngines('recon doctor', () => {
  let engines: TestEngines
  let stores: Stores
  beforeAll(async () => {
    engines = await startTestEngines()
  })
  beforeEach(async () => {
    stores = await engines.createStores('doctor')
    return () => stores.drop()
  })

  const inPostgres = (sql: string) => withPostgres(stores.postgresUrl, client => client.query(sql))
  const inClickHouse = (query: string) => withClickHouse(stores.clickhouseUrl, client => client.command({ query }))
  const asReader = () => ({ postgresUrl: stores.readOnlyPostgresUrl, clickhouseUrl: stores.readOnlyClickhouseUrl })
  const diagnose = async (urls = asReader()) => notWell(await examine(urls, configOf(stores), context))
  const leaveSandbox = async () => {
    await inPostgres('drop schema recon_sandbox cascade')
    await inClickHouse('drop table recon_sandbox_marker')
  }
  /** Makes ClickHouse's transactions anew, as somebody else might have made them. */
  const transactions = async (engine: string, change: (columns: string) => string = columns => columns) => {
    const columns = `stream LowCardinality(String), sequence UInt64, transaction_id String, account_id String, asset LowCardinality(String),
      symbol LowCardinality(String), kind LowCardinality(String), amount Decimal(38,18), occurred_at DateTime64(6,'UTC')`
    await inClickHouse('drop table transactions sync')
    await inClickHouse(`create table transactions (${change(columns)}) engine = ${engine}`)
  }

  it('finds nothing to mend in a sandbox, whose roles may write, nor for readers anywhere', async () => {
    expect(await diagnose({ postgresUrl: stores.postgresUrl, clickhouseUrl: stores.clickhouseUrl })).toEqual({})
    await leaveSandbox()
    expect(await diagnose()).toEqual({})
  })

  it('refuses roles that may write to anything but a sandbox', async () => {
    await leaveSandbox()
    expect(await diagnose({ postgresUrl: stores.postgresUrl, clickhouseUrl: stores.clickhouseUrl })).toEqual({
      'postgres.grants': expect.stringMatching(/^fail: role postgres is a superuser/),
      'clickhouse.grants': expect.stringMatching(/^fail: user default can write: GRANT .*INSERT/),
    })
  })

  it('finds a single grant by which a reader could write', async () => {
    await leaveSandbox()
    await inPostgres('grant update (balance) on accounts.balances to recon_reader')
    await inPostgres('grant truncate on trade_engine.trades to recon_reader')
    expect(await diagnose()).toEqual({
      'postgres.grants': 'fail: role recon_reader can write to accounts.balances (update), trade_engine.trades (truncate)',
    })
  })

  it('lists every column of the balances that is missing, unfit or narrower than the model', async () => {
    await inPostgres(`alter table accounts.balances drop column cash_sequence cascade;
      alter table accounts.balances alter column balance type double precision, alter column dropcopy_sequence type integer`)
    expect(await diagnose()).toEqual({
      'postgres.tables.balances':
        'fail: table accounts.balances, read by transactions-balance: column balance is double precision and must be numeric(38,18); column cash_sequence is missing (bigint); column dropcopy_sequence is integer and not bigint: it may not reach every sequence',
    })
  })

  it('warns of a type that works and holds less', async () => {
    await inPostgres('alter table accounts.balances alter column balance type numeric(20,8)')
    await transactions('MergeTree order by (stream, sequence, transaction_id)', columns =>
      columns.replace('Decimal(38,18)', 'Decimal(18,8)'),
    )
    expect(await diagnose()).toEqual({
      'postgres.tables.balances': expect.stringMatching(/^warn: .*numeric\(20,8\) and not numeric\(38,18\)/),
      'clickhouse.tables.transactions': expect.stringMatching(/^warn: .*Decimal\(18, 8\) and not Decimal\(38, 18\)/),
    })
  })

  it('finds row-level security that would hide balances', async () => {
    await inPostgres('alter table accounts.balances enable row level security')
    expect(await diagnose()).toEqual({ 'postgres.row-security': expect.stringMatching(/^fail: /) })
  })

  it('finds tables that are not there, and SQL of a stream that does not work, without losing sight of the rest', async () => {
    await inPostgres('drop table accounts.balances; drop table accounts.transfers')
    await inClickHouse('drop table transactions sync')
    await inClickHouse('drop table sink_watermarks sync')
    expect(await diagnose()).toEqual({
      'postgres.tables.balances': expect.stringMatching(/^fail: PostgreSQL has no table accounts\.balances/),
      'postgres.tables.transfers': expect.stringMatching(/^warn: PostgreSQL has no table accounts\.transfers.*read by recon explain$/),
      'postgres.streams.cash': expect.stringMatching(/^fail: .*accounts\.transfers/),
      'clickhouse.tables.transactions': expect.stringMatching(/^fail: ClickHouse has no table transactions/),
      'clickhouse.tables.sink_watermarks': expect.stringMatching(/^fail: ClickHouse has no table sink_watermarks/),
    })
  })

  it('judges by engine and sorting key whether history stays', async () => {
    // One set of databases for all of them: making a set takes longer than judging it.
    const judged: Record<string, string | undefined> = {}
    for (const engine of [
      'SummingMergeTree order by (stream, sequence, transaction_id)',
      'AggregatingMergeTree order by (stream, sequence, transaction_id)',
      'ReplacingMergeTree order by (stream, sequence, account_id)',
      'ReplacingMergeTree order by (account_id, transaction_id)',
      'ReplacingMergeTree order by (stream, sequence, transaction_id)',
      'Memory',
    ]) {
      await transactions(engine)
      const { 'clickhouse.history.transactions': finding, 'clickhouse.history.transactions.order': order, ...others } = await diagnose()
      expect(others).toEqual({})
      expect(order !== undefined).toBe(engine.includes('order by (account_id'))
      judged[engine] = finding
    }
    expect(judged).toEqual({
      'SummingMergeTree order by (stream, sequence, transaction_id)': expect.stringMatching(/^fail: .*merges combine rows/),
      'AggregatingMergeTree order by (stream, sequence, transaction_id)': expect.stringMatching(/^fail: .*merges combine rows/),
      'ReplacingMergeTree order by (stream, sequence, account_id)': expect.stringMatching(/^fail: .*lacks transaction_id/),
      'ReplacingMergeTree order by (account_id, transaction_id)': expect.stringMatching(/^fail: .*lacks sequence/),
      'ReplacingMergeTree order by (stream, sequence, transaction_id)': expect.stringMatching(/^warn: .*may erase a conflicting duplicate/),
      Memory: expect.stringMatching(/^warn: .*cannot be seen here/),
    })
  })

  it('finds columns of the content address that may be NULL, which a check refuses', async () => {
    await transactions('MergeTree order by (kind) settings allow_nullable_key = 1', columns =>
      columns
        .replace('stream LowCardinality(String)', 'stream LowCardinality(Nullable(String))')
        .replace('sequence UInt64', 'sequence Nullable(UInt64)')
        .replace('transaction_id String', 'transaction_id Nullable(String)'),
    )
    expect(await diagnose()).toEqual({
      'clickhouse.history.transactions.order': expect.stringMatching(/^warn: .*sorted by \(kind\) and not by sequence first/),
      'clickhouse.tables.transactions':
        'fail: table transactions, read by transactions-balance, position-realized-pnls-balance: column stream is LowCardinality(Nullable(String)) and must be String; column sequence is Nullable(UInt64) and must be UInt64; column transaction_id is Nullable(String) and must be String',
    })
  })

  it('says what the databases write their text in, and warns of one that does not know', async () => {
    const inDatabase = async (encoding: string) => {
      const name = `doctor_${encoding.toLowerCase()}`
      await inPostgres(`create database ${name} encoding '${encoding}' locale_provider libc locale 'C' template template0`)
      try {
        const url = Object.assign(new URL(stores.postgresUrl), { pathname: `/${name}` }).href
        return (await examine({ ...asReader(), postgresUrl: url }, configOf(stores), context)).find(({ id }) => id === 'postgres.encoding')
      } finally {
        await inPostgres(`drop database ${name} with (force)`)
      }
    }
    expect(await inDatabase('SQL_ASCII')).toMatchObject({ status: 'warn', what: expect.stringContaining('SQL_ASCII') })
    expect(await inDatabase('LATIN1')).toMatchObject({ status: 'ok', what: expect.stringContaining('LATIN1') })
    expect(await inDatabase('UTF8')).toMatchObject({ status: 'ok', what: 'text is written in UTF-8' })
  })

  it('finds history that expires, and amounts in a float', async () => {
    await transactions('MergeTree order by (stream, sequence, transaction_id) ttl toDateTime(occurred_at) + interval 1 year', columns =>
      columns.replace('Decimal(38,18)', 'Float64'),
    )
    expect(await diagnose()).toEqual({
      'clickhouse.tables.transactions': expect.stringMatching(/^fail: .*amount is Float64 and must be Decimal\(38, 18\)/),
      'clickhouse.history.transactions.ttl': expect.stringMatching(/^fail: /),
    })
  })

  it('looks at the positions of both stores: columns, engine, sorting key and row-level security', async () => {
    await inPostgres(`alter table trade_engine.positions alter column cost_basis type real, drop column sequence;
      alter table trade_engine.positions enable row level security; drop table trade_engine.trades`)
    await inClickHouse('drop table positions sync')
    await inClickHouse(`create table positions (stream String, sequence UInt64, execution_id String, account_id String, symbol Nullable(String),
      asset String, quantity Float64, cost_basis Decimal(38,18), realized_pnl Decimal(38,18), occurred_at DateTime64(6,'UTC'))
      engine = ReplacingMergeTree(sequence) order by (account_id)`)
    expect(await diagnose()).toEqual({
      'postgres.tables.positions':
        'fail: table trade_engine.positions, read by positions-match: column cost_basis is real and must be numeric(38,18); column sequence is missing (bigint)',
      'postgres.row-security': 'fail: row-level security would hide rows of the positions from the role',
      'postgres.tables.trades': expect.stringMatching(/^warn: .*trade_engine\.trades/),
      'clickhouse.tables.positions': expect.stringMatching(
        /^fail: table positions, read by position-realized-pnls-balance, positions-match: column symbol is Nullable\(String\).*; column quantity is Float64/,
      ),
      'clickhouse.history.positions': expect.stringMatching(
        /^fail: .*lacks sequence and execution_id and symbol, so that merges drop facts/,
      ),
      'clickhouse.history.positions.order': expect.stringMatching(/^warn: .*sorted by \(account_id\)/),
    })
    const findings = await examine(asReader(), configOf(stores), context)
    expect(findings.find(({ id }) => id === 'clickhouse.history.positions')?.remedy).toBe(
      'keep it in a MergeTree ordered by (stream, sequence, execution_id, account_id, symbol)',
    )
  })

  it('looks at the marks, and whether cycles are still published, where pnl-is-zero-sum is enabled', async () => {
    const judge = async () => notWell(await examine(asReader(), configOf(stores, ['pnl-is-zero-sum']), context))
    expect(await judge()).toEqual({})

    await inPostgres(`insert into trade_engine.resume_tokens values ('trade-engine', 'dropcopy', 10, '')`)
    await inClickHouse(
      `insert into sink_watermarks values ('transactions', 'dropcopy', 10, 0, now64(6)), ('positions', 'dropcopy', 10, 0, now64(6))`,
    )
    expect(await judge()).toEqual({
      'clickhouse.watermarks.pnl_marks.mark_cycle': expect.stringMatching(/^fail: no mark cycle is complete/),
    })

    const writtenMs = Date.now()
    await inClickHouse(`insert into sink_watermarks values ('pnl_marks', 'mark_cycle', 3, 0, now64(6) - interval 1 hour)`)
    await inClickHouse('drop table pnl_marks sync')
    await inClickHouse(`create table pnl_marks (mark_cycle UInt64, stream String, sequence UInt64, account_id String, symbol String, asset String,
      mark_price Float64, realized_pnl Decimal(38,18), marked_at DateTime64(6,'UTC')) engine = SummingMergeTree order by (account_id, symbol)`)
    const judged = await judge()
    expect(judged).toEqual({
      'clickhouse.watermarks.pnl_marks.mark_cycle': expect.stringMatching(/^warn: the newest complete mark cycle is 3, .* 36\d\d s ago$/),
      'clickhouse.tables.pnl_marks':
        'fail: table pnl_marks, read by pnl-is-zero-sum: column mark_price is Float64 and must be Decimal(38, 18); column unrealized_pnl is missing (Decimal(38, 18))',
      'clickhouse.history.pnl_marks': expect.stringMatching(/^fail: .*merges combine rows/),
      'clickhouse.history.pnl_marks.order': expect.stringMatching(/^warn: .*by \(account_id, symbol\) and not by mark_cycle first/),
    })
    // An hour, and what has passed since, to the second.
    const seconds = Number(/(\d+) s ago$/.exec(judged['clickhouse.watermarks.pnl_marks.mark_cycle'] ?? '')?.[1])
    expect(seconds).toBeGreaterThanOrEqual(3_600)
    expect(seconds).toBeLessThanOrEqual(3_601 + Math.ceil((Date.now() - writtenMs) / 1_000))
  })

  it('asks the custodian, where omnibus-balances-square is enabled', async () => {
    const custodian = await startCustodian()
    try {
      const judge = (environment: Readonly<Record<string, string>>) =>
        examine(asReader(), configOf(stores, ['omnibus-balances-square'], environment), context)
      const [RECON_CUSTODIAN_URL, RECON_CUSTODIAN_API_KEY] = [custodian.url, custodian.apiKey]
      const about = async (environment: Readonly<Record<string, string>>) =>
        (await judge(environment)).filter(({ id }) => id === 'custodian.reachable')

      expect(await about({ RECON_CUSTODIAN_URL, RECON_CUSTODIAN_API_KEY })).toEqual([
        { id: 'custodian.reachable', status: 'ok', what: 'the custodian answers, and holds USD, USDC in vault-1', remedy: null },
      ])
      expect(await about({ RECON_CUSTODIAN_URL, RECON_CUSTODIAN_API_KEY: 'another-key' })).toEqual([
        expect.objectContaining({ status: 'fail', remedy: expect.stringContaining('RECON_CUSTODIAN_API_KEY') }),
      ])
      expect(await about({ RECON_CUSTODIAN_URL })).toEqual([
        expect.objectContaining({ status: 'fail', remedy: 'set RECON_CUSTODIAN_API_KEY' }),
      ])
      expect(await about({})).toEqual([
        expect.objectContaining({ status: 'warn', what: expect.stringContaining('leaves omnibus-balances-square out') }),
      ])
      // What cannot be asked needs nothing of the stores.
      expect((await judge({})).map(({ id }) => id)).not.toContain('postgres.tables.balances')
      expect((await judge({ RECON_CUSTODIAN_URL, RECON_CUSTODIAN_API_KEY })).map(({ id }) => id)).toEqual(
        expect.arrayContaining(['postgres.tables.balances', 'postgres.tables.transfers', 'clickhouse.tables.transactions']),
      )
    } finally {
      await custodian.stop()
    }
  })

  it('looks at each table once, and only at those that an enabled check reads', async () => {
    const tablesOf = async (enabled: readonly string[]) => {
      const config = configOf(stores)
      const checks = Object.fromEntries(
        Object.entries(config.checks).map(([name, check]) => [name, { ...check, enabled: enabled.includes(name) }]),
      )
      const findings = await examine(asReader(), { ...config, checks }, context)
      expect(new Set(findings.map(({ id }) => id)).size).toBe(findings.length)
      return { ids: findings.map(({ id }) => id), tables: findings.map(({ id }) => id).filter(id => id.includes('.tables.')) }
    }
    const explained = ['postgres.tables.trades', 'postgres.tables.transfers']
    expect((await tablesOf(['positions-match'])).tables).toEqual([
      'postgres.tables.positions',
      ...explained,
      'clickhouse.tables.positions',
      'clickhouse.tables.sink_watermarks',
    ])
    expect((await tablesOf(['position-realized-pnls-balance'])).tables).toEqual([
      ...explained,
      'clickhouse.tables.positions',
      'clickhouse.tables.transactions',
      'clickhouse.tables.sink_watermarks',
    ])
    const none = await tablesOf([])
    expect(none.tables).toEqual(explained)
    expect(none.ids).toContain('checks.enabled')
  })

  it('says of a user with readonly = 1 that our settings cannot be set', async () => {
    const findings = await examine({ ...asReader(), clickhouseUrl: stores.strictClickhouseUrl }, configOf(stores), context)
    expect(findings.filter(({ status }) => status === 'fail')).toEqual([
      {
        id: 'clickhouse.reachable',
        status: 'fail',
        what: expect.stringContaining('readonly'),
        remedy: expect.stringContaining('readonly = 2'),
      },
    ])
  })

  it('finds watermarks that are missing, and those that have stopped', async () => {
    await inPostgres(`insert into trade_engine.resume_tokens values ('trade-engine', 'dropcopy', 10, '')`)
    await inPostgres(`insert into accounts.transfers values ('t', 5, 'A', 'USD', 'deposit', 1, 'r', now())`)
    await inClickHouse(`insert into sink_watermarks values ('transactions', 'cash', 4, 4, now64(6) - interval 1 hour)`)
    await inClickHouse(`insert into sink_watermarks values ('positions', 'dropcopy', 9, 4, now64(6) - interval 1 hour)`)
    expect(await diagnose()).toEqual({
      // Cash moves no position, and a watermark of it is not asked for.
      'clickhouse.watermarks.positions.dropcopy': expect.stringMatching(
        /^warn: the watermark of positions for stream dropcopy stands at 9 and PostgreSQL at 10, /,
      ),
      'clickhouse.watermarks.transactions.dropcopy':
        'fail: the watermark of transactions for stream dropcopy is missing, and PostgreSQL stands at 10',
      'clickhouse.watermarks.transactions.cash': expect.stringMatching(
        /^warn: the watermark of transactions for stream cash stands at 4 and PostgreSQL at 5, .* 36\d{5} ms ago/,
      ),
    })
  })

  it('says when what checkpoints stand on was not audited within its period, and where they are kept', async () => {
    const config = configOf(stores)
    const withState = {
      ...config,
      stores: {
        ...config.stores,
        stateUrl: stores.reconUrl,
        clickhouseUrl: stores.clickhouseUrl,
        clickhouseStateUrl: stores.clickhouseStateUrl,
      },
    }
    const of = async () => {
      const findings = await examine(asReader(), withState, context)
      return Object.fromEntries(
        findings.flatMap(({ id, status, what }) => (/^(audit|clickhouse-state)\./.test(id) ? [[id, `${status}: ${what}`]] : [])),
      )
    }
    expect(await of()).toEqual({ 'clickhouse-state.reachable': expect.stringMatching(/^ok: /) })
    const sealed = (hours: number) =>
      withPostgres(stores.reconUrl, async client => {
        await client.query(
          `insert into recon.sealed_histories (history, title, era, segment_sequences) values ('h', 'transactions', 0, 4096) on conflict do nothing`,
        )
        await client.query(`insert into recon.sealed_streams values ('h', 'dropcopy', 1) on conflict do nothing`)
        await client.query(
          `insert into recon.segments (history, stream, segment, facts, digest, entries, audited_at) values ('h', 'dropcopy', 0, 1, 1, '', now() - $1 * interval '1 hour')
          on conflict (history, stream, segment) do update set audited_at = excluded.audited_at`,
          [hours],
        )
      })
    await sealed(1)
    expect(await of()).toMatchObject({ 'audit.transactions': expect.stringMatching(/^ok: .* within audit\.period \(24h\)$/) })
    await sealed(25)
    expect(await of()).toMatchObject({ 'audit.transactions': expect.stringMatching(/^warn: .* longer than audit\.period \(24h\)/) })
  })

  it('reports each store that does not answer, and looks at the others all the same', async () => {
    const config = { ...configOf(stores), stores: { ...configOf(stores).stores, stateUrl: 'postgresql://nobody@127.0.0.1:1/x' } }
    const findings = await examine({ ...asReader(), postgresUrl: 'postgresql://nobody@127.0.0.1:1/x' }, config, context)
    expect(notWell(findings)).toEqual({
      'postgres.reachable': expect.stringMatching(/^fail: .*ECONNREFUSED/),
      'state.reachable': expect.stringMatching(/^fail: .*ECONNREFUSED/),
    })
    expect(findings.filter(({ id, status }) => id.startsWith('clickhouse.') && status === 'ok').length).toBeGreaterThan(5)
  })

  it('ends with 0 when nothing is to mend, with 10 when something is, as text and as JSON', async () => {
    const command = async (json: boolean) => {
      let stdout = ''
      const loaded = configOf(undefined)
      const config = { ...loaded, stores: { ...loaded.stores, ...asReader() } }
      const write = new Writable({
        write(chunk, _, done) {
          stdout += String(chunk)
          done()
        },
      })
      const status = await doctorCommand({ json }, config, {
        ...context,
        stdin: process.stdin,
        stdout: write,
        stderr: write,
        environment: {},
        workingFolder: '/',
        color: false,
      })
      return { status, stdout }
    }
    const well = await command(false)
    expect(well).toMatchObject({ status: 0, stdout: expect.stringMatching(/^warn +state\.reachable .*\n +to do: set RECON_STATE_URL$/m) })

    await inPostgres('drop table accounts.balances')
    const unwell = await command(true)
    expect(unwell.status).toBe(10)
    expect(JSON.parse(unwell.stdout)).toMatchObject({
      schema: 'recon.doctor/1',
      status: 'unwell',
      findings: expect.arrayContaining([
        { id: 'postgres.tables.balances', status: 'fail', what: expect.any(String), remedy: expect.any(String) },
      ]),
    })
  })
})

describe('the judges', () => {
  it.each([
    [0, 1, 'ok'],
    [-900, 1, 'ok'],
    [1_500, 600, 'ok'],
    [1_500, 1, 'warn'],
    [-1_500, 1, 'warn'],
  ] as const)('judge a clock that is %d ms off, give or take %d: %s', (skewMs, uncertaintyMs, status) => {
    expect(judgeClock('postgres', { skewMs, uncertaintyMs }).status).toBe(status)
  })

  it.each([
    [true, 'ok'],
    [false, 'warn'],
  ])('judge a ClickHouse whose statements read one moment or several: %s, %s', (oneMoment, status) => {
    const facts = { ...user, readonly: '2', grants: undefined, oneMoment }
    expect(judgeClickHouse(facts, needsOf(configOf(undefined))).find(({ id }) => id === 'clickhouse.snapshot')?.status).toBe(status)
  })

  const user = { version: '26.7', user: 'u', sandbox: false, tables: [], oneMoment: true }
  it.each([
    ['readonly = 2', { readonly: '2', grants: ['GRANT ALL ON *.* TO u'] }, 'ok'],
    ['select only', { readonly: '0', grants: ['GRANT SELECT, SHOW ON ax.* TO u'] }, 'ok'],
    ['select on a table whose name reads like a verb', { readonly: '0', grants: ['GRANT SELECT ON ax.INSERT TO u'] }, 'ok'],
    ['insert on one table', { readonly: '0', grants: ['GRANT SELECT ON ax.* TO u', 'GRANT INSERT ON ax.transactions TO u'] }, 'fail'],
    ['everything', { readonly: '0', grants: ['GRANT ALL ON *.* TO u WITH GRANT OPTION'] }, 'fail'],
    ['a role that cannot be seen through', { readonly: '0', grants: ['GRANT reader TO u'] }, 'warn'],
    ['grants that cannot be seen', { readonly: '0', grants: undefined }, 'warn'],
  ] as const)('judge a ClickHouse user with %s', (_, facts, status) => {
    expect(judgeReadOnly({ ...user, ...facts }).status).toBe(status)
  })

  it.each([
    ['has reached PostgreSQL, however old', 10n, '10', 3_600_000, 'ok'],
    ['is behind and was written just now', 10n, '9', 100, 'ok'],
    ['is behind and has stopped', 10n, '9', 31_000, 'warn'],
    ['is behind and does not say when it was written', 10n, '9', undefined, 'ok'],
    ['is not there, and neither is anything to vouch for', 0n, undefined, undefined, 'ok'],
    ['is not there', 1n, undefined, undefined, 'fail'],
  ] as const)('judge a watermark that %s', (_, needed, sequence, ageMs, status) => {
    const standings = sequence === undefined ? [] : [{ stream: 'dropcopy', sequence, ageMs }]
    expect(judgeWatermarks('transactions', { dropcopy: needed }, standings, 30_000).map(finding => finding.status)).toEqual([status])
  })
})
