import { afterEach, beforeAll, beforeEach, expect, it } from 'vitest'
import { transactionsBalance } from '../checks/transactions-balance.ts'
import type { Clock } from '../epoch/clock.ts'
import { withPostgres } from '../sim/engines/postgres-client.ts'
import { connectClickHouse } from '../stores/clickhouse/connection.ts'
import { systemClock } from '../stores/system-clock.ts'
import { type Books, openBooks } from './support/books.ts'
import { describeEngines, startTestEngines, type TestEngines } from './support/engines.ts'

/** The real clock, but what happens in the first pause of a run is up to the test. */
function pausing(meanwhile: () => Promise<void>): Clock {
  let paused = false
  return {
    ...systemClock,
    sleep: async (ms, signal) => {
      // A run's own deadline is a sleep too, of seconds; its pauses are shorter.
      if (!paused && ms < 1_000) {
        paused = true
        await meanwhile()
      }
      await systemClock.sleep(ms, signal)
    },
  }
}

describeEngines('transactions-balance', () => {
  let engines: TestEngines
  let books: Books
  let serial = 0

  beforeAll(async () => {
    engines = await startTestEngines()
  })
  beforeEach(async () => {
    books = await openBooks(await engines.createStores(`tb_${serial++}`))
  })
  afterEach(() => books.close())

  it('is balanced on empty stores, at epoch 0', async () => {
    const run = await books.check()
    expect(run).toMatchObject({ verdict: 'balanced', reasonCode: 'balanced', epoch: { dropcopy: '0', cash: '0' }, keysCompared: '0' })
    expect(run.warnings).toEqual(['neither side holds any key as of this epoch: nothing was compared'])
  })

  it('[P-ONE-EPOCH] compares as of the epoch of the balances, whatever lies above it', async () => {
    await books.token('10')
    await books.balance('A1', 'USD', '1.5', '10')
    await books.transactions([
      { sequence: '10', transaction_id: 'a', account_id: 'A1', amount: '1.5' },
      { sequence: '11', transaction_id: 'b', account_id: 'A1', amount: '7' },
      { sequence: '12', transaction_id: 'c', account_id: 'A2', amount: '7' },
    ])
    await books.watermark('dropcopy', '12', '3')
    const run = await books.check()
    expect(run).toMatchObject({ verdict: 'balanced', epoch: { dropcopy: '10', cash: '0' }, keysCompared: '1' })
    expect(run.horizon).toMatchObject({
      strategy: 'watermark',
      legs: [{ at: { dropcopy: '12', cash: '0' }, facts: { dropcopy: '3', cash: '0' } }],
    })
  })

  it('names the key and the exact difference', async () => {
    await books.token('10')
    await books.balance("O'Brien\n\t\\x", 'USD', '10.000000000000000001', '10')
    await books.transactions([{ sequence: '10', transaction_id: 'a', account_id: "O'Brien\n\t\\x", amount: '10' }])
    await books.watermark('dropcopy', '10', '1')
    const run = await books.check()
    expect(run).toMatchObject({ verdict: 'diff', reasonCode: 'value-mismatch', mismatchCount: '1' })
    expect(run.mismatches).toEqual([
      {
        key: { account_id: "O'Brien\n\t\\x", asset: 'USD' },
        kind: 'value',
        left: { balance: '10.000000000000000001' },
        right: { balance: '10' },
        difference: { balance: '0.000000000000000001' },
      },
    ])
  })

  it('[P-EXACT] holds sequences up to 2^63 - 1 and amounts of all places, digit for digit', async () => {
    await books.token('9223372036854775807')
    await books.balance('A', 'USD', '99999999999999999998.999999999999999998', '9223372036854775807')
    await books.transactions([
      { sequence: '9223372036854775806', transaction_id: 'a', account_id: 'A', amount: '99999999999999999998' },
      { sequence: '9223372036854775807', transaction_id: 'b', account_id: 'A', amount: '0.999999999999999999' },
    ])
    await books.watermark('dropcopy', '9223372036854775807', '2')
    const run = await books.check()
    expect(run).toMatchObject({ verdict: 'diff', epoch: { dropcopy: '9223372036854775807' } })
    expect(run.mismatches).toMatchObject([
      {
        left: { balance: '99999999999999999998.999999999999999998' },
        right: { balance: '99999999999999999998.999999999999999999' },
        difference: { balance: '-0.000000000000000001' },
      },
    ])
  })

  it('sums past the range of Decimal(38, 18) without overflow', async () => {
    const rows = Array.from({ length: 30 }, (_, at) => ({
      sequence: '1',
      transaction_id: `t${at}`,
      account_id: 'A',
      amount: at % 2 === 0 ? '99999999999999999999' : '-99999999999999999998',
    }))
    const huge = Array.from({ length: 20 }, (_, at) => ({
      sequence: '1',
      transaction_id: `h${at}`,
      account_id: 'B',
      amount: '99999999999999999999',
    }))
    await books.token('1')
    await books.balance('A', 'USD', '15', '1')
    await books.transactions([...rows, ...huge])
    await books.watermark('dropcopy', '1', '50')
    const run = await books.check()
    expect(run.mismatches).toMatchObject([{ key: { account_id: 'B' }, kind: 'missing-left', right: { balance: '1999999999999999999980' } }])
  })

  it('takes a zero balance and an absent key for the same, and nothing else', async () => {
    await books.token('3')
    await books.balance('zero-left', 'USD', '0', '3')
    await books.balance('gone-right', 'USD', '0.5', '3')
    await books.transactions([
      { sequence: '1', transaction_id: 'a', account_id: 'zero-right', amount: '2' },
      { sequence: '2', transaction_id: 'b', account_id: 'zero-right', amount: '-2' },
      { sequence: '3', transaction_id: 'c', account_id: 'gone-left', amount: '3' },
    ])
    await books.watermark('dropcopy', '3', '3')
    const run = await books.check()
    expect(run).toMatchObject({ verdict: 'diff', keysCompared: '4', mismatchCount: '2' })
    expect(run.mismatches).toEqual([
      {
        key: { account_id: 'gone-left', asset: 'USD' },
        kind: 'missing-left',
        left: null,
        right: { balance: '3' },
        difference: { balance: '-3' },
      },
      {
        key: { account_id: 'gone-right', asset: 'USD' },
        kind: 'missing-right',
        left: { balance: '0.5' },
        right: null,
        difference: { balance: '0.5' },
      },
    ])
  })

  it('[P-BYTE-ORDER] sorts and matches account names of any UTF-8 alike in both stores', async () => {
    const names = [
      '',
      ' ',
      'a',
      'B',
      'é',
      'e\u0301',
      '𝔘',
      '\uffff',
      "'",
      '"',
      '\\',
      '\\N',
      '\t',
      '\n',
      '\r',
      '\b',
      '\f',
      '\v',
      '\x01',
      '漢字',
      'a\tb',
      'ａ',
      '🏦',
      'ß',
      'SS',
    ]
    await books.token('1')
    for (const name of names) await books.balance(name, 'USD', '1', '1')
    await books.balance('only-pg', 'USD', '1', '1')
    await books.transactions(names.map((account_id, at) => ({ sequence: '1', transaction_id: `t${at}`, account_id, amount: '1' })))
    await books.watermark('dropcopy', '1', String(names.length))
    const run = await books.check()
    expect(run).toMatchObject({ mismatchCount: '1', keysCompared: String(names.length + 1) })
    expect(run.mismatches[0]?.key).toEqual({ account_id: 'only-pg', asset: 'USD' })
  })

  it('reports NaN as a difference, not as a number', async () => {
    await books.balance('A', 'USD', 'NaN')
    const run = await books.check()
    expect(run).toMatchObject({ verdict: 'diff', mismatches: [{ left: { balance: 'NaN' }, right: null, difference: {} }] })
  })

  it('collapses repeated deliveries and says how many there were', async () => {
    const row = { sequence: '1', transaction_id: 'a', account_id: 'A', amount: '1' }
    await books.token('1')
    await books.balance('A', 'USD', '1', '1')
    await books.transactions([row, row])
    await books.transactions([row])
    await books.watermark('dropcopy', '1', '1')
    const run = await books.check()
    expect(run).toMatchObject({ verdict: 'balanced', horizon: { legs: [{ rows: '3', duplicates: '2', facts: { dropcopy: '1' } }] } })
  })

  it('does not let a repeated delivery make up for a row that is missing, in the counts or in the sums', async () => {
    const row = { sequence: '1', transaction_id: 'a', account_id: 'A', amount: '1' }
    await books.token('2')
    await books.balance('A', 'USD', '3', '2')
    await books.transactions([row, row])
    await books.watermark('dropcopy', '2', '2')
    const run = await books.check()
    expect(run).toMatchObject({ verdict: 'diff', reasonCode: 'rows-missing', horizon: { legs: [{ rows: '2', duplicates: '1' }] } })
    expect(run.mismatches).toMatchObject([{ left: { balance: '3' }, right: { balance: '1' }, difference: { balance: '2' } }])
  })

  it('[P-CONFLICT] tells two facts under one content address from a repeated delivery, wherever they lie', async () => {
    await books.token('5')
    await books.balance('A', 'USD', '1', '5')
    await books.transactions([
      { sequence: '1', transaction_id: 'a', account_id: 'A', amount: '1' },
      { sequence: '5', transaction_id: 'a', account_id: 'B', amount: '0' },
    ])
    await books.watermark('dropcopy', '5', '1')
    const run = await books.check()
    expect(run).toMatchObject({ verdict: 'diff', reasonCode: 'conflicting-duplicate', mismatchCount: '0', conflicts: ['a'] })
  })

  it('finds a fact that was written under the address of another, though count and sums agree', async () => {
    await books.token('2')
    await books.balance('A', 'USD', '2', '2')
    // The second fact should be "b"; it took the address of the first.
    await books.transactions([
      { sequence: '1', transaction_id: 'a', account_id: 'A', amount: '1' },
      { sequence: '1', transaction_id: 'a', account_id: 'A', amount: '1', kind: 'funding' },
    ])
    await books.watermark('dropcopy', '2', '2')
    const run = await books.check()
    expect(run).toMatchObject({ verdict: 'diff', reasonCode: 'conflicting-duplicate', mismatchCount: '0', conflicts: ['a'] })
  })

  it('counts the rows of a stream that nobody declared as rows too many', async () => {
    await books.transactions([{ stream: 'stray', sequence: '1', transaction_id: 'a', account_id: 'A', amount: '1' }])
    const run = await books.check()
    expect(run).toMatchObject({ verdict: 'diff', reasonCode: 'rows-extra' })
    expect(run.reason).toContain('undeclared streams +1')
  })

  it('reads a third stream where one is declared', async () => {
    await books.pg.query('create table accounts.adjustments (sequence bigint primary key)')
    await books.pg.query('insert into accounts.adjustments values (4)')
    await books.balance('A', 'USD', '1')
    await books.transactions([{ stream: 'adjust', sequence: '4', transaction_id: 'a', account_id: 'A', amount: '1' }])
    await books.watermark('adjust', '4', '1')
    const { streams } = books.sources()
    const run = await books.check({}, { streams: { ...streams, adjust: 'select max(sequence) from accounts.adjustments' } })
    expect(run).toMatchObject({ verdict: 'balanced', epoch: { dropcopy: '0', cash: '0', adjust: '4' } })
  })

  it('waits for rows that the watermark vouches for, and is balanced once they come', async () => {
    await books.token('1')
    await books.balance('A', 'USD', '1', '1')
    await books.watermark('dropcopy', '1', '1')
    const clock = pausing(() => books.transactions([{ sequence: '1', transaction_id: 'a', account_id: 'A', amount: '1' }]))
    const run = await books.check({ clock, horizonTimeoutMs: 10_000 })
    expect(run).toMatchObject({ verdict: 'balanced', horizon: { readings: 2 } })
  })

  it('[P-PROVED-IS-READ] calls rows missing at the deadline a difference, even if the sums agree', async () => {
    await books.token('1')
    await books.watermark('dropcopy', '1', '1')
    const run = await books.check()
    expect(run).toMatchObject({ verdict: 'diff', reasonCode: 'rows-missing', mismatchCount: '0' })
    expect(run.reason).toContain('dropcopy -1')
  })

  it('is inconclusive while no watermark reaches the epoch, naming table, stream, where it stands and how far it must get', async () => {
    await books.token('7')
    await books.watermark('dropcopy', '5', '0')
    const run = await books.check()
    expect(run).toMatchObject({ verdict: 'inconclusive', reasonCode: 'horizon-timeout' })
    expect(run.reason).toContain('the watermark of transactions for stream dropcopy stands at 5 and must reach 7')
  })

  it('does not judge by a watermark that contradicts itself', async () => {
    await books.token('5')
    await books.watermark('dropcopy', '5', '0')
    await books.watermark('dropcopy', '5', '1')
    expect(await books.check()).toMatchObject({ verdict: 'inconclusive', reasonCode: 'watermark-conflict' })
  })

  it('settles where there are no watermarks, and says that this is weaker', async () => {
    await books.token('1')
    await books.balance('A', 'USD', '1', '1')
    await books.transactions([{ sequence: '1', transaction_id: 'a', account_id: 'A', amount: '1' }])
    const run = await books.check({}, { horizon: { strategy: 'settle', settleMs: 20 } })
    expect(run).toMatchObject({ verdict: 'balanced', horizon: { strategy: 'settle', legs: [{ at: { dropcopy: '1', cash: '0' } }] } })
    expect(run.horizon.legs[0]).not.toHaveProperty('rowsTotal')
  })

  it('[P-TORN-CUT] does not compare a cut that is torn, and takes another until the batch is whole', async () => {
    await books.token('1')
    await books.balance('A', 'USD', '1', '2')
    const torn = await books.check()
    expect(torn).toMatchObject({
      verdict: 'inconclusive',
      reasonCode: 'torn-cut',
      epoch: { dropcopy: '1' },
      capture: { stamps: { dropcopy: '2' } },
    })
    expect(torn.capture.torn).toBeGreaterThan(1)

    await books.transactions([{ sequence: '2', transaction_id: 'a', account_id: 'A', amount: '1' }])
    await books.watermark('dropcopy', '2', '1')
    const whole = await books.check({ clock: pausing(() => books.token('2')), captureTimeoutMs: 10_000 })
    expect(whole).toMatchObject({ verdict: 'balanced', epoch: { dropcopy: '2' }, capture: { attempts: 2, torn: 1 } })
  })

  it('[P-EPOCH-MONOTONE] tells an epoch that went back before anything else', async () => {
    await books.token('1')
    await books.balance('A', 'USD', '1', '2')
    const run = await books.check({ seenBefore: { dropcopy: 2n, cash: 0n } })
    expect(run).toMatchObject({ verdict: 'inconclusive', reasonCode: 'epoch-regression', epoch: { dropcopy: '1' } })
    expect(run.reason).toContain('recon epoch accept')
  })

  it('lists as many mismatches as it may, and counts all', async () => {
    for (const account of ['A', 'B', 'C']) await books.balance(account, 'USD', '1')
    const run = await books.check({ maxMismatches: 2 })
    expect(run).toMatchObject({ mismatchCount: '3', mismatches: [{ key: { account_id: 'A' } }, { key: { account_id: 'B' } }] })
  })

  it('spills the captured rows to a file past its memory bound, with the same result', async () => {
    await books.pg.query(`insert into accounts.balances select 'A' || n, 'USD', 1, 0, 0 from generate_series(1, 20000) n`)
    const run = await books.check({ maxMismatches: 1 }, { memoryBytesMax: 1000 })
    expect(run).toMatchObject({ mismatchCount: '20000', keysCompared: '20000', mismatches: [{ key: { account_id: 'A1' } }] })
  })

  it('refuses a table whose merges may drop facts, with the remedy', async () => {
    await books.command(`create table replaced as transactions engine = ReplacingMergeTree order by (account_id, asset)`)
    await books.command(`create table kept as transactions engine = ReplacingMergeTree order by (stream, sequence, transaction_id)`)
    const { tables } = books.sources()
    const named = (name: string) => ({
      tables: { ...tables, clickhouse: { ...tables.clickhouse, transactions: { ...tables.clickhouse.transactions, name } } },
    })
    const run = await books.check({}, named('replaced'))
    expect(run).toMatchObject({ verdict: 'inconclusive', reasonCode: 'history-collapsed' })
    expect(run.reason).toContain('MergeTree ordered by (stream, sequence, transaction_id)')
    expect(await books.check({}, named('kept'))).toMatchObject({ verdict: 'balanced' })
  })

  it('[P-READ-ONLY] reads with roles that can only read', async () => {
    const { stores } = books
    await books.balance('A', 'USD', '1')
    const reader = connectClickHouse({
      name: 'clickhouse',
      url: stores.readOnlyClickhouseUrl,
      connectTimeoutMs: 5_000,
      statementTimeoutMs: 10_000,
    })
    const strict = connectClickHouse({
      name: 'clickhouse',
      url: stores.strictClickhouseUrl,
      connectTimeoutMs: 5_000,
      statementTimeoutMs: 10_000,
    })
    const postgres = { ...books.sources().postgres, url: stores.readOnlyPostgresUrl }
    expect(await books.check({}, { postgres, clickhouse: reader })).toMatchObject({ verdict: 'diff', mismatchCount: '1' })
    expect(await books.check({}, { clickhouse: strict })).toMatchObject({ verdict: 'inconclusive', reasonCode: 'permission-denied' })
    await Promise.all([reader.close(), strict.close()])
  })

  it('reads by what the live schema says at each run, however long the relation has been held', async () => {
    await books.command('alter table transactions modify column amount Decimal(38, 6)')
    const relation = transactionsBalance(books.sources())
    await books.token('1')
    await books.balance('A', 'USD', '1.000000000000000001', '1')
    await books.watermark('dropcopy', '1', '1')
    await books.transactions([{ sequence: '1', transaction_id: 'a', account_id: 'A', amount: '1' }])
    expect(await books.run(relation)).toMatchObject({ verdict: 'diff', mismatchCount: '1' })

    await books.command('alter table transactions modify column amount Decimal(38, 18)')
    await books.command(
      `alter table transactions update amount = toDecimal128('1.000000000000000001', 18) where 1 settings mutations_sync = 2`,
    )
    expect(await books.run(relation)).toMatchObject({ verdict: 'balanced' })
  })

  it('says that rows could not go to the temporary folder, and blames no store for it', async () => {
    await books.balance('A', 'USD', '1')
    const { TMPDIR } = process.env
    process.env['TMPDIR'] = '/nowhere/at/all'
    const run = await books.check({}, { memoryBytesMax: 0 })
    if (TMPDIR === undefined) delete process.env['TMPDIR']
    else process.env['TMPDIR'] = TMPDIR
    expect(run).toMatchObject({ verdict: 'inconclusive', reasonCode: 'store-error' })
    expect(run.reason).toContain('spool: ENOENT')
    expect(run.reason).toContain('TMPDIR')
  })

  it('[P-CONFLICT] does not let a fact that was counted under two sequences make up for one that was lost', async () => {
    await books.token('10')
    await books.balance('A', 'USD', '15', '3')
    await books.transactions([
      { sequence: '1', transaction_id: 'i1', account_id: 'A', amount: '5' },
      { sequence: '4', transaction_id: 'i1', account_id: 'A', amount: '5' },
      { sequence: '3', transaction_id: 'i3', account_id: 'A', amount: '5' },
    ])
    await books.watermark('dropcopy', '10', '3')
    expect(await books.check()).toMatchObject({
      verdict: 'diff',
      reasonCode: 'conflicting-duplicate',
      mismatchCount: '0',
      conflicts: ['i1'],
    })
  })

  it('tells a loss as one, though its horizon may take longer than the whole check', async () => {
    await books.token('1')
    await books.balance('A', 'USD', '1', '1')
    await books.watermark('dropcopy', '1', '1')
    const run = await books.check({ timeoutMs: 2_000, horizonTimeoutMs: 60_000 })
    expect(run).toMatchObject({ verdict: 'diff', reasonCode: 'rows-missing', mismatchCount: '1' })
  })

  it('takes a feed that begins at 0 as it is', async () => {
    await books.balance('A', 'USD', '1')
    await books.transactions([{ sequence: '0', transaction_id: 'a', account_id: 'A', amount: '1' }])
    expect(await books.check()).toMatchObject({ verdict: 'diff', reasonCode: 'rows-extra' })
    await books.watermark('dropcopy', '0', '1')
    expect(await books.check()).toMatchObject({ verdict: 'balanced', epoch: { dropcopy: '0' } })
  })

  it('[P-BYTE-ORDER] reads a PostgreSQL whose encoding sorts otherwise than UTF-8', async () => {
    const database = `win_${Date.now()}`
    await books.pg.query(`create database ${database} encoding 'WIN1252' locale 'C' template template0`)
    const url = Object.assign(new URL(books.stores.postgresUrl), { pathname: `/${database}` }).href
    try {
      await withPostgres(url, async client => {
        await client.query('create table public.balances (account_id text, asset text, balance numeric(38, 18), d bigint, c bigint)')
        for (const account of ['a', '€', 'é', 'ÿ', 'z']) await client.query(`insert into balances values ($1, 'USD', 1, 0, 0)`, [account])
      })
      const { tables, postgres } = books.sources()
      const balances = { ...tables.postgres.balances, schema: 'public', stamps: { dropcopy: 'd', cash: 'c' } }
      const run = await books.check(
        {},
        {
          postgres: { ...postgres, url },
          streams: { dropcopy: 'select 0', cash: 'select 0' },
          tables: { ...tables, postgres: { ...tables.postgres, balances } },
        },
      )
      expect(run).toMatchObject({ verdict: 'diff', keysCompared: '5', mismatchCount: '5' })
      expect(run.mismatches.map(({ key }) => key['account_id'])).toEqual(['a', 'z', 'é', 'ÿ', '€'])
    } finally {
      await books.pg.query(`drop database ${database} with (force)`)
    }
  })
})
