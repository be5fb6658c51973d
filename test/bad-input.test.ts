import { afterAll, beforeAll, expect, it } from 'vitest'
import type { CheckSources } from '../checks/check-sources.ts'
import { connectClickHouse } from '../stores/clickhouse/connection.ts'
import { type Books, openBooks } from './support/books.ts'
import { describeEngines, startTestEngines } from './support/engines.ts'

// What is not as it should be in a store is told by name, as inconclusive; it is never a difference and never a crash.
describeEngines('[P-COULD-NOT-CHECK] a check of stores that are not as they should be', () => {
  let books: Books
  let sources: CheckSources

  beforeAll(async () => {
    const engines = await startTestEngines()
    books = await openBooks(await engines.createStores('bad_input'))
    sources = books.sources()
    await books.pg.query('create schema odd')
    await books.pg.query(
      'create table odd.float_balance as select account_id, asset, balance::double precision as balance, dropcopy_sequence, cash_sequence from accounts.balances',
    )
    await books.pg.query(
      'create table odd.text_balance as select account_id, asset, balance::text as balance, dropcopy_sequence, cash_sequence from accounts.balances',
    )
    await books.pg.query('create table odd.hidden (like accounts.balances including all)')
    await books.pg.query('alter table odd.hidden enable row level security')
    await books.pg.query('grant usage on schema odd to recon_reader')
    await books.pg.query('grant select on odd.hidden to recon_reader')
    await books.pg.query(`create role bad_input_outsider login password 'sandbox'`)
    await books.command('create table float_amount as transactions engine = MergeTree order by sequence')
    await books.command('alter table float_amount modify column amount Float64')
    await books.command(
      'create table nullable_stream engine = MergeTree order by sequence as select * replace (cast(stream as LowCardinality(Nullable(String))) as stream) from transactions',
    )
    await books.command('create table few_columns (stream String, sequence UInt64, account_id String) engine = MergeTree order by sequence')
    await books.command('create table text_sequence as transactions engine = MergeTree order by stream')
    await books.command('alter table text_sequence modify column sequence String')
  })
  afterAll(async () => {
    await books.pg.query('drop role bad_input_outsider')
    await books.close()
  })

  type UrlChange = Partial<Pick<URL, 'hostname' | 'port' | 'username' | 'password' | 'pathname'>>
  const url = (text: string, change: UrlChange) => Object.assign(new URL(text), change).href
  const postgresAt = (change: UrlChange, from = books.stores.postgresUrl): Partial<CheckSources> => ({
    postgres: { ...sources.postgres, url: url(from, change), connectTimeoutMs: 2_000 },
  })
  const clickhouseAt = (change: UrlChange): Partial<CheckSources> => ({
    clickhouse: connectClickHouse({
      name: 'clickhouse',
      url: url(books.stores.clickhouseUrl, change),
      connectTimeoutMs: 2_000,
      statementTimeoutMs: 5_000,
    }),
  })
  const balances = (change: Partial<CheckSources['tables']['postgres']['balances']>): Partial<CheckSources> => ({
    tables: { ...sources.tables, postgres: { ...sources.tables.postgres, balances: { ...sources.tables.postgres.balances, ...change } } },
  })
  const transactions = (name: string): Partial<CheckSources> => ({
    tables: {
      ...sources.tables,
      clickhouse: { ...sources.tables.clickhouse, transactions: { ...sources.tables.clickhouse.transactions, name } },
    },
  })

  const cases: readonly (readonly [what: string, change: () => Partial<CheckSources>, reasonCode: string, says: string])[] = [
    ['a PostgreSQL port where nobody listens', () => postgresAt({ port: '1' }), 'store-unreachable', 'ECONNREFUSED'],
    ['a PostgreSQL host that does not exist', () => postgresAt({ hostname: 'nowhere.invalid' }), 'store-unreachable', 'nowhere.invalid'],
    ['a PostgreSQL password that is refused', () => postgresAt({ password: 'wrong' }), 'store-unreachable', 'login was refused'],
    ['a PostgreSQL database that is missing', () => postgresAt({ pathname: '/nowhere' }), 'store-unreachable', 'nowhere'],
    ['a PostgreSQL table that is missing', () => balances({ name: 'nowhere' }), 'schema-mismatch', 'accounts.nowhere'],
    ['a PostgreSQL column that is missing', () => balances({ columns: { balance: 'amount' } }), 'schema-mismatch', 'amount'],
    ['a balance that is a float', () => balances({ schema: 'odd', name: 'float_balance' }), 'schema-mismatch', 'double precision'],
    ['a balance that is text', () => balances({ schema: 'odd', name: 'text_balance' }), 'schema-mismatch', 'text'],
    [
      'a stream whose SQL gives two rows',
      () => ({ streams: { dropcopy: 'select generate_series(1, 2)' } }),
      'schema-mismatch',
      'more than one row',
    ],
    ['a stream whose SQL gives text', () => ({ streams: { dropcopy: `select 'x'` } }), 'schema-mismatch', 'x'],
    ['a stream that stands below zero', () => ({ streams: { dropcopy: 'select -1' } }), 'store-error', 'dropcopy'],
    [
      'a schema that the role may not enter',
      () => postgresAt({ username: 'bad_input_outsider', password: 'sandbox' }),
      'permission-denied',
      'grant select',
    ],
    [
      'a table whose rows are hidden from the role by a policy',
      () => ({ ...balances({ schema: 'odd', name: 'hidden' }), ...postgresAt({}, books.stores.readOnlyPostgresUrl) }),
      'permission-denied',
      'row-level security',
    ],
    ['a ClickHouse port where nobody listens', () => clickhouseAt({ port: '1' }), 'store-unreachable', 'ECONNREFUSED'],
    [
      'a ClickHouse password that is refused',
      () => clickhouseAt({ username: 'recon_reader', password: 'wrong' }),
      'store-unreachable',
      'login was refused',
    ],
    ['a ClickHouse database that is missing', () => clickhouseAt({ pathname: '/nowhere' }), 'schema-mismatch', 'nowhere'],
    ['a ClickHouse table that is missing', () => transactions('nowhere'), 'schema-mismatch', 'no table nowhere'],
    [
      'ClickHouse columns that are missing, all of them',
      () => transactions('few_columns'),
      'schema-mismatch',
      'column transaction_id is missing; column asset is missing',
    ],
    ['an amount that is a float', () => transactions('float_amount'), 'schema-mismatch', 'column amount is Float64'],
    ['a sequence that is text', () => transactions('text_sequence'), 'schema-mismatch', 'column sequence is String'],
    [
      'a watermark table that is missing',
      () => ({
        tables: {
          ...sources.tables,
          clickhouse: { ...sources.tables.clickhouse, sink_watermarks: { ...sources.tables.clickhouse.sink_watermarks, name: 'nowhere' } },
        },
      }),
      'schema-mismatch',
      'nowhere',
    ],
    [
      'a stream that may be NULL',
      () => transactions('nullable_stream'),
      'schema-mismatch',
      'column stream is LowCardinality(Nullable(String))',
    ],
  ]

  for (const [what, change, reasonCode, says] of cases) {
    it(`tells ${what}`, async () => {
      await books.token('1')
      const changed = change()
      const run = await books.check({}, changed)
      await changed.clickhouse?.close()
      expect(run).toMatchObject({ verdict: 'inconclusive', reasonCode })
      expect(run.reason).toContain(says)
    })
  }
})
