import { afterAll, beforeAll, expect, test } from 'vitest'
import { withClickHouse } from '../sim/engines/clickhouse-client.ts'
import { withPostgres } from '../sim/engines/postgres-client.ts'
import { requireSandbox } from '../sim/sandbox/require-sandbox.ts'
import { describeEngines, type PrivateEngines, startPrivateEngines, startTestEngines, type TestEngines } from './support/engines.ts'

describeEngines('databases for one test', () => {
  let engines: TestEngines
  beforeAll(async () => {
    engines = await startTestEngines()
  })

  test('two sets of databases share nothing, and either can be dropped', async () => {
    const [first, second] = await Promise.all([engines.createStores('isolated'), engines.createStores('isolated')])
    for (const url of [first.postgresUrl, first.shadowPostgresUrl]) {
      await withPostgres(url, client => client.query(`insert into accounts.balances (account_id, asset, balance) values ('A1', 'USD', 1)`))
    }
    await withClickHouse(first.clickhouseUrl, client =>
      client.command({ query: `insert into sink_watermarks values ('transactions', 'cash', 1, 1, now64(6))` }),
    )

    const untouched = await withPostgres(second.postgresUrl, client => client.query('select from accounts.balances'))
    expect(untouched.rowCount).toBe(0)
    expect(await countRows(second.clickhouseUrl, 'sink_watermarks')).toBe('0')
    expect(await countRows(first.clickhouseUrl, 'sink_watermarks')).toBe('1')

    await first.drop()
    await expect(withPostgres(first.postgresUrl, client => client.query('select 1'))).rejects.toMatchObject({ code: '3D000' })
    await expect(countRows(first.clickhouseUrl, 'sink_watermarks')).rejects.toThrow(/UNKNOWN_DATABASE|does not exist/)
    await second.drop()
  })

  test('the read-only roles can read everything and write nothing', async () => {
    const stores = await engines.createStores('readers')
    const rows = await withPostgres(stores.readOnlyPostgresUrl, client => client.query('select from accounts.balances'))
    expect(rows.rowCount).toBe(0)
    for (const statement of [
      `insert into accounts.balances (account_id, asset, balance) values ('A1', 'USD', 1)`,
      'delete from trade_engine.trades',
      'create table accounts.mine (a int)',
      'create temporary table mine (a int)',
    ]) {
      await expect(withPostgres(stores.readOnlyPostgresUrl, client => client.query(statement))).rejects.toMatchObject({ code: '42501' })
    }
    for (const url of [stores.readOnlyClickhouseUrl, stores.strictClickhouseUrl]) {
      expect(await countRows(url, 'transactions')).toBe('0')
      await expect(
        withClickHouse(url, client => client.command({ query: `insert into sink_watermarks values ('t', 's', 1, 1, now64(6))` })),
      ).rejects.toThrow(/readonly/)
    }
    const changed = { clickhouse_settings: { max_block_size: '1000' } }
    await withClickHouse(stores.readOnlyClickhouseUrl, client => client.command({ query: 'select 1', ...changed }))
    await expect(withClickHouse(stores.strictClickhouseUrl, client => client.command({ query: 'select 1', ...changed }))).rejects.toThrow(
      /readonly/,
    )
    await stores.drop()
  })

  test('the simulator is refused by every database that no sandbox made', async () => {
    const stores = await engines.createStores('marked')
    const { postgresUrl, shadowPostgresUrl, reconUrl, clickhouseUrl } = stores
    await requireSandbox({ postgresUrl, shadowPostgresUrl, reconUrl, clickhouseUrl })

    await expect(requireSandbox({ postgresUrl: engines.postgresUrl, clickhouseUrl })).rejects.toMatchObject({
      code: 'not-a-sandbox',
      message: expect.stringContaining('/postgres'),
    })
    await expect(requireSandbox({ postgresUrl, clickhouseUrl: engines.clickhouseUrl })).rejects.toMatchObject({
      code: 'not-a-sandbox',
      message: expect.stringContaining('/default'),
    })
    await stores.drop()
  })

  test('a sandbox that was dumped into another cluster is no sandbox, nor is a ClickHouse database under another name', async () => {
    const stores = await engines.createStores('moved')
    await withPostgres(stores.postgresUrl, client => client.query(`update recon_sandbox.marker set system_identifier = '1'`))
    await withClickHouse(stores.clickhouseUrl, async client => {
      await client.command({ query: 'truncate table recon_sandbox_marker' })
      await client.command({ query: `insert into recon_sandbox_marker (database_name) values ('elsewhere')` })
    })

    await expect(requireSandbox({ postgresUrl: stores.postgresUrl })).rejects.toMatchObject({ code: 'not-a-sandbox' })
    await expect(requireSandbox({ clickhouseUrl: stores.clickhouseUrl })).rejects.toMatchObject({ code: 'not-a-sandbox' })
    await stores.drop()
  })

  test('a database that cannot be asked is refused too, without its password in the message', async () => {
    const refused = await requireSandbox({ postgresUrl: 'postgres://someone:hunter2@127.0.0.1:1/ax' }).catch((error: unknown) => error)
    expect(refused).toMatchObject({ code: 'store-unreachable', message: expect.stringContaining('someone:***@127.0.0.1:1/ax') })
    expect(String(refused)).not.toContain('hunter2')
  })
})

describeEngines('servers that are killed and paused', () => {
  let engines: PrivateEngines
  beforeAll(async () => {
    engines = await startPrivateEngines()
  })
  afterAll(() => engines.stop())

  test('a server killed with SIGKILL comes back on its port with every committed row', async () => {
    const stores = await engines.createStores('crash')
    await withPostgres(stores.postgresUrl, client =>
      client.query(`insert into accounts.balances (account_id, asset, balance) values ('A1', 'USD', 0.000000000000000001)`),
    )
    await withClickHouse(stores.clickhouseUrl, client =>
      client.command({ query: `insert into sink_watermarks values ('transactions', 'cash', 9223372036854775807, 1, now64(6))` }),
    )

    await Promise.all([engines.postgres.kill(), engines.clickhouse.kill()])
    await expect(countRows(stores.clickhouseUrl, 'sink_watermarks')).rejects.toThrow()
    await Promise.all([engines.postgres.restart(), engines.clickhouse.restart()])

    const kept = await withPostgres(stores.postgresUrl, client => client.query('select balance::text from accounts.balances'))
    expect(kept.rows).toEqual([{ balance: '0.000000000000000001' }])
    expect(await countRows(stores.clickhouseUrl, 'sink_watermarks')).toBe('1')
  })

  test('a paused server answers nothing, not even on connections that were open, and goes on when it is resumed', async () => {
    const stores = await engines.createStores('pause')
    await withPostgres(stores.postgresUrl, async client => {
      await client.query('select 1')
      await Promise.all([engines.postgres.pause(), engines.clickhouse.pause()])
      const answers: string[] = []
      const postgres = client.query('select 1').then(() => answers.push('postgres'))
      const clickhouse = countRows(stores.clickhouseUrl, 'transactions').then(() => answers.push('clickhouse'))
      // There is no event for an answer that does not come: an answer takes a millisecond, so this is time enough for one.
      await new Promise(resolve => setTimeout(resolve, 300))
      expect(answers).toEqual([])

      await Promise.all([engines.postgres.resume(), engines.clickhouse.resume()])
      await Promise.all([postgres, clickhouse])
      expect(answers).toHaveLength(2)
    })
  })
})

async function countRows(clickhouseUrl: string, table: string): Promise<string> {
  return withClickHouse(clickhouseUrl, async client => {
    const answer = await client.query({ query: `select count() from ${table}`, format: 'TabSeparated' })
    return (await answer.text()).trim()
  })
}
