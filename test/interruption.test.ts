import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { CheckSources } from '../checks/check-sources.ts'
import { transactionsBalance } from '../checks/transactions-balance.ts'
import { connectClickHouse } from '../stores/clickhouse/connection.ts'
import { systemClock } from '../stores/system-clock.ts'
import { type Books, openBooks } from './support/books.ts'
import { type Cut, startCuttingProxy } from './support/cutting-proxy.ts'
import { describeEngines, type PrivateEngines, startPrivateEngines } from './support/engines.ts'
import { until } from './support/until.ts'

describeEngines('a check that is interrupted', () => {
  let engines: PrivateEngines
  let books: Books
  let serial = 0

  beforeAll(async () => {
    engines = await startPrivateEngines()
  })
  beforeEach(async () => {
    books = await openBooks(await engines.createStores(`interrupted_${serial++}`))
    await books.token('1')
    await books.balance('A', 'USD', '9', '1')
    await books.transactions(
      Array.from({ length: 9 }, (_, at) => ({ sequence: '1', transaction_id: `t${at}`, account_id: 'A', amount: '1' })),
    )
    await books.watermark('dropcopy', '1', '9')
  })
  afterEach(() => books.close())
  afterAll(() => engines.stop())

  /** What of ours is at work on the servers: sessions on PostgreSQL, queries on ClickHouse. */
  const atWork = async () => {
    const sessions = await books.pg.query(
      `select query from pg_stat_activity where application_name like 'recon-engine%' and datname = current_database()`,
    )
    const queries = await books.clickhouse.rows(
      `select query from system.processes where current_database = currentDatabase() and query not like '%system.processes%'`,
      {},
      { clock: systemClock, signal: AbortSignal.timeout(10_000) },
    )
    return { sessions: sessions.rows.map(row => String(row.query)), queries: queries.map(row => String(row['query'])) }
  }
  const expectNothingLeft = async () => expect(await atWork()).toEqual({ sessions: [], queries: [] })

  /** Balances that take a minute to read, though their stamps do not. */
  const slowBalances = async (): Promise<Partial<CheckSources>> => {
    // Stable, so that a query which does not need the column does not wait for it.
    await books.pg.query(`create function accounts.zero_in_a_minute(text) returns numeric stable language plpgsql as $$
      begin
        perform pg_sleep(60);
        return 0;
      end $$`)
    await books.pg.query(`create view accounts.slow as
      select account_id, asset, balance + accounts.zero_in_a_minute(account_id) as balance, dropcopy_sequence, cash_sequence
      from accounts.balances`)
    const { tables } = books.sources()
    return { tables: { ...tables, postgres: { ...tables.postgres, balances: { ...tables.postgres.balances, name: 'slow' } } } }
  }
  /** Transactions that take three seconds a scan to read. */
  const slowTransactions = async (): Promise<Partial<CheckSources>> => {
    await books.command('create view slow as select * from transactions where sleepEachRow(0.3) = 0')
    const { tables } = books.sources()
    return {
      tables: { ...tables, clickhouse: { ...tables.clickhouse, transactions: { ...tables.clickhouse.transactions, name: 'slow' } } },
    }
  }

  /** A stream that takes a minute to read, until accounts.stall says otherwise. */
  const stallingOnce = async () => {
    await books.pg.query('create table accounts.stall as select 60 as seconds')
    await books.pg.query(`create function accounts.stalling() returns bigint language plpgsql as $$
      begin
        perform pg_sleep((select seconds from accounts.stall));
        return 1;
      end $$`)
    return { dropcopy: 'select accounts.stalling()', cash: 'select max(sequence) from accounts.transfers' }
  }

  describe('[P-NOTHING-LEFT] by being cancelled', () => {
    const steps: readonly {
      readonly step: string
      readonly prepare: () => Promise<Partial<CheckSources>>
      readonly reached: () => Promise<boolean>
    }[] = [
      {
        step: 'while it reads the epoch',
        prepare: async () => ({ streams: { dropcopy: 'select 0 from pg_sleep(60)' } }),
        reached: async () => (await atWork()).sessions.some(query => query.includes('pg_sleep')),
      },
      {
        step: 'while the rows drain',
        prepare: slowBalances,
        reached: async () => (await atWork()).sessions.some(query => query.startsWith('copy')),
      },
      {
        step: 'while it reads ClickHouse',
        prepare: slowTransactions,
        reached: async () => (await atWork()).queries.some(query => /grouping sets/i.test(query)),
      },
    ]
    for (const { step, prepare, reached } of steps) {
      it(`${step}, leaves nothing at work on either server`, async () => {
        const change = await prepare()
        const canceller = new AbortController()
        const running = books.check({ signal: canceller.signal, timeoutMs: 60_000 }, change)
        await until(step, reached)
        canceller.abort()
        expect(await running).toMatchObject({ verdict: 'inconclusive', reasonCode: 'cancelled' })
        await expectNothingLeft()
      })

      it(`${step}, by its own deadline, is told so and leaves nothing either`, async () => {
        const change = await prepare()
        const run = await books.check({ timeoutMs: 1_000 }, change)
        expect(run).toMatchObject({ verdict: 'inconclusive', reasonCode: 'statement-timeout' })
        await expectNothingLeft()
      })
    }

    it('while it waits for the horizon, leaves nothing at work on either server', async () => {
      await books.token('2')
      const canceller = new AbortController()
      const clock = {
        ...systemClock,
        sleep: async (ms: number, signal: AbortSignal) => {
          if (ms < 1_000) canceller.abort()
          await systemClock.sleep(ms, signal)
        },
      }
      const run = await books.check({ signal: canceller.signal, clock, horizonTimeoutMs: 60_000, timeoutMs: 60_000 })
      expect(run).toMatchObject({ verdict: 'inconclusive', reasonCode: 'cancelled' })
      await expectNothingLeft()
    })

    it('takes no other run with it that shares its relation and its connection', async () => {
      const clickhouse = connectClickHouse({
        name: 'clickhouse',
        url: books.stores.clickhouseUrl,
        connectTimeoutMs: 5_000,
        statementTimeoutMs: 20_000,
      })
      const relation = transactionsBalance(books.sources({ clickhouse }))
      const canceller = new AbortController()
      const [cancelled, other] = [books.run(relation, { signal: canceller.signal }), books.run(relation)]
      canceller.abort()
      expect(await cancelled).toMatchObject({ verdict: 'inconclusive', reasonCode: 'cancelled' })
      expect(await other).toMatchObject({ verdict: 'balanced' })
      await clickhouse.close()
    })

    it('before it began, says so', async () => {
      expect(await books.check({ signal: AbortSignal.abort() })).toMatchObject({
        verdict: 'inconclusive',
        reasonCode: 'cancelled',
        epoch: null,
      })
    })
  })

  describe('by a time-out of the server', () => {
    it('is inconclusive, on PostgreSQL', async () => {
      const { postgres } = books.sources()
      const run = await books.check({}, { ...(await slowBalances()), postgres: { ...postgres, statementTimeoutMs: 300 } })
      expect(run).toMatchObject({ verdict: 'inconclusive', reasonCode: 'statement-timeout' })
      expect(run.reason).toContain('57014')
      await expectNothingLeft()
    })

    it('is inconclusive, on ClickHouse', async () => {
      const clickhouse = connectClickHouse({
        name: 'clickhouse',
        url: books.stores.clickhouseUrl,
        connectTimeoutMs: 5_000,
        statementTimeoutMs: 1_000,
      })
      const run = await books.check({}, { ...(await slowTransactions()), clickhouse })
      await clickhouse.close()
      expect(run).toMatchObject({ verdict: 'inconclusive', reasonCode: 'statement-timeout' })
      expect(run.reason).toContain('159')
      await expectNothingLeft()
    })
  })

  describe('by a conflict on PostgreSQL', () => {
    const conflicting = async () => {
      await books.pg.query('create table accounts.conflict as select true as raised')
      await books.pg.query(`create function accounts.conflicting() returns bigint language plpgsql as $$
        begin
          if (select raised from accounts.conflict) then
            raise exception 'canceling statement due to conflict with recovery' using errcode = '40001';
          end if;
          return 1;
        end $$`)
      return { streams: { dropcopy: 'select accounts.conflicting()', cash: 'select max(sequence) from accounts.transfers' } }
    }

    it('takes another capture, and is balanced when that one goes through', async () => {
      const change = await conflicting()
      const clock = {
        ...systemClock,
        sleep: async (ms: number, signal: AbortSignal) => {
          if (ms < 1_000) await books.pg.query('update accounts.conflict set raised = false')
          await systemClock.sleep(ms, signal)
        },
      }
      const run = await books.check({ clock, captureTimeoutMs: 5_000 }, change)
      expect(run).toMatchObject({ verdict: 'balanced', capture: { attempts: 2, torn: 0 } })
    })

    it('is inconclusive when it goes on past the deadline', async () => {
      expect(await books.check({}, await conflicting())).toMatchObject({ verdict: 'inconclusive', reasonCode: 'snapshot-conflict' })
      await expectNothingLeft()
    })
  })

  describe('[P-TRUNCATED] by an answer that is cut off', () => {
    const through = async (cutting: (query: number) => Cut) => {
      await books.pg.query(`insert into accounts.balances select 'B' || n, 'USD', 1, 1, 0 from generate_series(1, 20000) n`)
      await books.command(`
        insert into transactions select 'dropcopy', 1, concat('b', toString(number)), concat('B', toString(number + 1)), 'USD', '', 'fee', 1,
          '2026-11-24 00:00:00' from numbers(20000)`)
      await books.watermark('dropcopy', '1', '20009')
      await books.command(`alter table sink_watermarks delete where rows_total = 9 settings mutations_sync = 2`)
      const proxy = await startCuttingProxy(books.stores.clickhouseUrl, cutting)
      const clickhouse = connectClickHouse({ name: 'clickhouse', url: proxy.url, connectTimeoutMs: 5_000, statementTimeoutMs: 10_000 })
      const run = await books.check({ horizonTimeoutMs: 3_000 }, { clickhouse })
      await clickhouse.close()
      await proxy.close()
      return { run, cuts: proxy.cuts() }
    }

    for (const how of ['politely', 'abruptly'] as const) {
      for (const afterBytes of [0, 10, 70_000, 200_000]) {
        it(`${how} after ${afterBytes} bytes, asks again and is balanced`, async () => {
          const { run, cuts } = await through(query => (query === 0 ? { afterBytes, how } : undefined))
          expect(cuts).toBe(1)
          expect(run).toMatchObject({ verdict: 'balanced', keysCompared: '20001' })
        })
      }

      it(`${how} every time, is inconclusive`, async () => {
        const { run, cuts } = await through(() => ({ afterBytes: 70_000, how }))
        expect(cuts).toBeGreaterThan(1)
        expect(run).toMatchObject({ verdict: 'inconclusive', reasonCode: how === 'politely' ? 'response-truncated' : 'store-unreachable' })
        await expectNothingLeft()
      })
    }

    it('by the server itself, in the middle, with an exception among the rows, is inconclusive with the reason of the exception', async () => {
      await books.command(`
        create view failing as select * replace (if(account_id = 'Z', throwIf(account_id = 'Z', 'planted'), 0) + amount as amount) from transactions`)
      await books.command(`insert into transactions values ('dropcopy', 1, 'z', 'Z', 'USD', '', 'fee', 1, '2026-11-24 00:00:00')`)
      const { tables } = books.sources()
      const transactions = { ...tables.clickhouse.transactions, name: 'failing' }
      const run = await books.check({}, { tables: { ...tables, clickhouse: { ...tables.clickhouse, transactions } } })
      expect(run).toMatchObject({ verdict: 'inconclusive' })
      expect(run.reason).toContain('planted')
    })
  })

  describe('by a server that dies', () => {
    it('is inconclusive when ClickHouse is killed in the middle of a query', async () => {
      const change = await slowTransactions()
      const running = books.check({ horizonTimeoutMs: 2_000 }, change)
      await until('the query runs', async () => (await atWork()).queries.some(query => /grouping sets/i.test(query)))
      await engines.clickhouse.kill()
      const run = await running
      await engines.clickhouse.restart()
      expect(run).toMatchObject({ verdict: 'inconclusive', reasonCode: 'store-unreachable' })
    })

    it('asks a ClickHouse that comes back again, and is balanced', async () => {
      const change = await slowTransactions()
      const running = books.check({ horizonTimeoutMs: 60_000, timeoutMs: 60_000 }, change)
      await until('the query runs', async () => (await atWork()).queries.some(query => /grouping sets/i.test(query)))
      await engines.clickhouse.kill()
      await engines.clickhouse.restart()
      expect(await running).toMatchObject({ verdict: 'balanced' })
    })

    it('is inconclusive when PostgreSQL is killed in the middle of the capture', async () => {
      const change = await slowBalances()
      const running = books.check({}, change)
      await until('the rows drain', async () => (await atWork()).sessions.some(query => query.startsWith('copy')))
      await engines.postgres.kill()
      const run = await running
      await engines.postgres.restart()
      expect(run).toMatchObject({ verdict: 'inconclusive', reasonCode: 'store-unreachable' })
      books = await openBooks(books.stores)
    })

    it('takes another capture of a PostgreSQL that comes back, and is balanced', async () => {
      const running = books.check({ captureTimeoutMs: 60_000, timeoutMs: 60_000 }, { streams: await stallingOnce() })
      await until('the epoch is being read', async () => (await atWork()).sessions.some(query => query.includes('stalling')))
      await books.pg.query('update accounts.stall set seconds = 0')
      await engines.postgres.kill()
      await engines.postgres.restart()
      const run = await running
      books = await openBooks(books.stores)
      expect(run).toMatchObject({ verdict: 'balanced', epoch: { dropcopy: '1' } })
    })

    it('does not wait for ever for a PostgreSQL that is frozen', async () => {
      await engines.postgres.pause()
      const { postgres } = books.sources()
      const run = await books.check({ timeoutMs: 1_500 }, { postgres: { ...postgres, connectTimeoutMs: 500 } })
      await engines.postgres.resume()
      expect(run).toMatchObject({ verdict: 'inconclusive', reasonCode: 'store-unreachable' })
    })

    it('does not wait for ever for a ClickHouse that is frozen', async () => {
      const clickhouse = connectClickHouse({
        name: 'clickhouse',
        url: books.stores.clickhouseUrl,
        connectTimeoutMs: 500,
        statementTimeoutMs: 5_000,
      })
      await engines.clickhouse.pause()
      const run = await books.check({ timeoutMs: 5_000 }, { clickhouse })
      await engines.clickhouse.resume()
      await clickhouse.close()
      expect(run).toMatchObject({ verdict: 'inconclusive', reasonCode: 'store-unreachable' })
    })
  })
})
