import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { withClickHouse } from '../sim/engines/clickhouse-client.ts'
import { compiledEntry } from '../sim/engines/package-root.ts'
import { withPostgres } from '../sim/engines/postgres-client.ts'
import { descendants, isAlive } from '../sim/engines/process-tree.ts'
import type { StoreUrls } from '../sim/sandbox/stores.ts'
import { until } from './support/until.ts'

// The reference data model, one table a line; what the simulator writes and the checks read.
const postgresReference = [
  'accounts.balances: account_id text, asset text, balance numeric(38,18), dropcopy_sequence bigint, cash_sequence bigint',
  'accounts.transfers: transfer_id text, sequence bigint, account_id text, asset text, direction text, amount numeric(38,18), custodian_reference text, created_at timestamp with time zone',
  'trade_engine.positions: account_id text, symbol text, quantity numeric(38,18), cost_basis numeric(38,18), realized_pnl numeric(38,18), sequence bigint',
  'trade_engine.resume_tokens: service text, stream text, sequence bigint, resume_token bytea, updated_at timestamp with time zone',
  'trade_engine.trades: execution_id text, trade_id text, sequence bigint, account_id text, symbol text, side text, quantity numeric(38,18), price numeric(38,18), fee numeric(38,18), realized_pnl numeric(38,18), state text, executed_at timestamp with time zone',
]
const clickhouseReference = [
  `pnl_marks by mark_cycle, symbol, account_id: mark_cycle UInt64, stream LowCardinality(String), sequence UInt64, account_id String, symbol LowCardinality(String), asset LowCardinality(String), mark_price Decimal(38, 18), realized_pnl Decimal(38, 18), unrealized_pnl Decimal(38, 18), marked_at DateTime64(6, 'UTC')`,
  `positions by stream, sequence, execution_id, account_id, symbol: stream LowCardinality(String), sequence UInt64, execution_id String, account_id String, symbol LowCardinality(String), asset LowCardinality(String), quantity Decimal(38, 18), cost_basis Decimal(38, 18), realized_pnl Decimal(38, 18), occurred_at DateTime64(6, 'UTC')`,
  `sink_watermarks by table_name, stream, sequence: table_name LowCardinality(String), stream LowCardinality(String), sequence UInt64, rows_total UInt64, written_at DateTime64(6, 'UTC')`,
  `transactions by stream, sequence, transaction_id: stream LowCardinality(String), sequence UInt64, transaction_id String, account_id String, asset LowCardinality(String), symbol LowCardinality(String), kind LowCardinality(String), amount Decimal(38, 18), occurred_at DateTime64(6, 'UTC')`,
]

let folder: string
const commands: RunningCommand[] = []

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'recon-test-'))
  // The sandbox's own temporary folders are made below this one; root's PostgreSQL runs as somebody else and must get in.
  await chmod(folder, 0o755)
})

afterEach(async () => {
  for (const command of commands.splice(0)) {
    for (const pid of [command.pid, ...command.family]) killIfAlive(pid)
    await until('nothing is left of a command', () => !command.family.some(isAlive))
  }
  await rm(folder, { recursive: true, force: true })
})

describe('[P-NO-ORPHAN] recon sandbox', () => {
  test('prints one JSON line with the four addresses, and the reference schema is behind them', async () => {
    const { urls, lines } = await startCommand()

    expect(lines).toHaveLength(1)
    expect(Object.keys(urls)).toEqual(['postgresUrl', 'shadowPostgresUrl', 'reconUrl', 'clickhouseUrl'])
    expect(urls.clickhouseUrl).toMatch(/^http:\/\/default@127\.0\.0\.1:\d+\/ax$/)
    const incumbent = await postgresColumns(urls.postgresUrl)
    expect(incumbent).toEqual(postgresReference)
    expect(await postgresColumns(urls.shadowPostgresUrl)).toEqual(incumbent)
    expect(await postgresColumns(urls.reconUrl)).toEqual([])
    expect(await clickhouseColumns(urls.clickhouseUrl)).toEqual(clickhouseReference)
  })

  test.each([
    {
      name: 'Ctrl-C, which a terminal sends to the whole process group,',
      stdin: 'pipe',
      end: (command: RunningCommand) => process.kill(-command.pid, 'SIGINT'),
      status: 0,
    },
    {
      name: 'SIGTERM, and not before it /dev/null for stdin as a background job has it,',
      stdin: 'ignore',
      end: (command: RunningCommand) => command.child.kill('SIGTERM'),
      status: 0,
    },
    { name: 'the end of its stdin', stdin: 'pipe', end: (command: RunningCommand) => command.child.stdin?.end(), status: 0 },
    { name: 'SIGKILL', stdin: 'pipe', end: (command: RunningCommand) => command.child.kill('SIGKILL'), status: null },
  ] as const)('%# $name ends it and leaves no process, no open port and no temporary folder', async ({ stdin, end, status }) => {
    const command = await startCommand([], stdin)
    expect(command.family.length).toBeGreaterThanOrEqual(5)
    expect(await readdir(folder)).not.toEqual([])
    await withPostgres(command.urls.postgresUrl, client => client.query('select 1'))
    expect(isAlive(command.pid)).toBe(true)

    end(command)

    expect(await command.exited).toMatchObject({ code: status })
    // Where it could not see its end coming, its keepers do the same work a moment later.
    if (status === null) {
      await until('every process is gone', () => !command.family.some(isAlive))
      await until('the temporary folders are gone', async () => (await readdir(folder)).length === 0)
    }
    expect(command.family.filter(isAlive)).toEqual([])
    expect(await readdir(folder)).toEqual([])
    for (const url of [command.urls.postgresUrl, command.urls.clickhouseUrl]) expect(await isListening(url)).toBe(false)
  })

  test('a signal while the engines still start ends it with status 0 and leaves nothing', async () => {
    const command = launch([], 'pipe')
    await until('the engines are being started', async () => (await readdir(folder)).length > 0)
    const family = await descendants(command.pid)
    command.child.kill('SIGTERM')
    expect(await command.exited).toMatchObject({ code: 0, lines: [] })
    await until('every process is gone', () => !family.some(isAlive))
    expect(await readdir(folder)).toEqual([])
  })

  test('with --dir the data survives kill -9 of everything, an orderly end, and each start after them', async () => {
    // As `mktemp -d` makes them: root's PostgreSQL, which runs as somebody else, cannot get to it from the root folder.
    const closed = await mkdtemp(join(folder, 'closed-'))
    const dir = join(closed, 'kept')
    const first = await startCommand(['--dir', dir])
    await withPostgres(first.urls.postgresUrl, client =>
      client.query(`insert into accounts.balances (account_id, asset, balance) values ('A1', 'USD', 1.5)`),
    )
    await insertWatermark(first.urls.clickhouseUrl)
    for (const pid of [first.pid, ...first.family]) killIfAlive(pid)
    await first.exited

    const second = await startCommand(['--dir', dir])
    expect(await contents(second.urls)).toEqual({ balances: ['1.500000000000000000'], watermarks: '1' })
    await insertWatermark(second.urls.clickhouseUrl)
    second.child.kill('SIGTERM')
    expect(await second.exited).toMatchObject({ code: 0 })

    const third = await startCommand(['--dir', dir])
    expect(await contents(third.urls)).toEqual({ balances: ['1.500000000000000000'], watermarks: '2' })
  })

  test('a folder in use is refused with status 2, and the sandbox that holds it does not notice', async () => {
    const dir = join(folder, 'held')
    const holder = await startCommand(['--dir', dir])
    const refused = await launch(['--dir', dir], 'pipe').exited

    expect(refused).toMatchObject({ code: 2, lines: [] })
    expect(refused.talk).toContain(`runs on ${dir}`)
    expect(refused.talk).toContain('give another folder')
    await withPostgres(holder.urls.postgresUrl, client => client.query('select 1'))
    await insertWatermark(holder.urls.clickhouseUrl)
  })

  test('a folder that holds something else is refused with status 2 and left alone', async () => {
    await writeFile(join(folder, 'precious.txt'), 'keep me')
    const refused = await launch(['--dir', folder], 'pipe').exited
    expect(refused).toMatchObject({ code: 2, lines: [] })
    expect(refused.talk).toContain('was not made by `recon sandbox`')
    expect(await readdir(folder)).toEqual(['precious.txt'])
  })

  test.each(['--postgres-port', '--clickhouse-port'])('%s in use is refused with status 2, naming the port', async option => {
    const holder = createServer().listen(0, '127.0.0.1')
    await once(holder, 'listening')
    const address = holder.address()
    const port = typeof address === 'object' ? String(address?.port) : ''
    try {
      const refused = await launch([option, port], 'pipe').exited
      expect(refused).toMatchObject({ code: 2, lines: [] })
      expect(refused.talk).toContain(`port ${port} of 127.0.0.1`)
      expect(refused.talk).toContain('is in use')
    } finally {
      holder.close()
    }
  })

  test('two sandboxes run side by side, on the ports that were asked for, and one that loses a server ends with status 1', async () => {
    const first = await startCommand()
    const second = await startCommand()
    expect(new URL(second.urls.postgresUrl).port).not.toBe(new URL(first.urls.postgresUrl).port)

    const ports = { postgres: new URL(second.urls.postgresUrl).port, clickhouse: new URL(second.urls.clickhouseUrl).port }
    second.child.kill('SIGTERM')
    await second.exited
    const third = await startCommand(['--postgres-port', ports.postgres, '--clickhouse-port', ports.clickhouse])
    expect(new URL(third.urls.postgresUrl).port).toBe(ports.postgres)
    expect(new URL(third.urls.clickhouseUrl).port).toBe(ports.clickhouse)

    const postmaster = await withPostgres(third.urls.postgresUrl, async client => {
      const { rows } = await client.query<{ file: string }>(`select pg_read_file('postmaster.pid') as file`)
      return Number(rows[0]?.file.split('\n')[0])
    })
    process.kill(postmaster, 'SIGKILL')
    expect(await third.exited).toMatchObject({ code: 1 })
    expect((await third.exited).talk).toContain('PostgreSQL ended (SIGKILL)')
    await withPostgres(first.urls.postgresUrl, client => client.query('select 1'))
  })
})

interface Finished {
  readonly code: number | null
  readonly lines: readonly string[]
  readonly talk: string
}

interface Command {
  readonly child: ChildProcess
  readonly pid: number
  /** What it printed on stdout so far. */
  readonly lines: readonly string[]
  readonly exited: Promise<Finished>
}

interface RunningCommand extends Command {
  readonly urls: StoreUrls
  /** Every process below it when it was ready. */
  readonly family: readonly number[]
}

function launch(args: readonly string[], stdin: 'pipe' | 'ignore'): Command {
  const child = spawn(process.execPath, [compiledEntry('cli/recon.ts'), 'sandbox', ...args], {
    stdio: [stdin, 'pipe', 'pipe'],
    env: { ...process.env, TMPDIR: folder },
    detached: true,
  })
  const lines: string[] = []
  let talk = ''
  const { stdout, stderr, pid } = child
  if (stdout === null || stderr === null || pid === undefined) throw new Error('the command did not start')
  createInterface({ input: stdout }).on('line', line => lines.push(line))
  stderr.setEncoding('utf8').on('data', (text: string) => {
    talk += text
  })
  const exited = once(child, 'close').then(([code]) => ({ code, lines, talk }))
  return { child, pid, lines, exited }
}

async function startCommand(args: readonly string[] = [], stdin: 'pipe' | 'ignore' = 'pipe'): Promise<RunningCommand> {
  const command = launch(args, stdin)
  let finished: Finished | undefined
  command.exited.then(result => {
    finished = result
  })
  await until('the sandbox is ready or has ended', () => command.lines.length > 0 || finished !== undefined)
  const line = command.lines[0]
  if (line === undefined) throw new Error(`the sandbox ended with status ${finished?.code}: ${finished?.talk}`)
  const running = { ...command, urls: JSON.parse(line), family: await descendants(command.pid) }
  commands.push(running)
  return running
}

function killIfAlive(pid: number): void {
  if (isAlive(pid)) process.kill(pid, 'SIGKILL')
}

async function isListening(url: string): Promise<boolean> {
  const socket = connect(Number(new URL(url).port), '127.0.0.1')
  try {
    await once(socket, 'connect')
    return true
  } catch {
    return false
  } finally {
    socket.destroy()
  }
}

async function insertWatermark(clickhouseUrl: string): Promise<void> {
  await withClickHouse(clickhouseUrl, client =>
    client.command({ query: `insert into sink_watermarks values ('transactions', 'cash', 1, 1, now64(6))` }),
  )
}

async function contents(urls: StoreUrls) {
  const balances = await withPostgres(urls.postgresUrl, client =>
    client.query<{ balance: string }>('select balance from accounts.balances'),
  )
  return {
    balances: balances.rows.map(row => row.balance),
    watermarks: await clickhouseText(urls.clickhouseUrl, 'select count() from sink_watermarks'),
  }
}

async function clickhouseText(url: string, query: string): Promise<string> {
  return withClickHouse(url, async client => (await (await client.query({ query, format: 'TabSeparatedRaw' })).text()).trim())
}

async function postgresColumns(url: string): Promise<string[]> {
  return withPostgres(url, async client => {
    const { rows } = await client.query<{ line: string }>(`
      select n.nspname || '.' || c.relname || ': ' ||
        string_agg(a.attname || ' ' || format_type(a.atttypid, a.atttypmod), ', ' order by a.attnum) as line
      from pg_class c join pg_namespace n on n.oid = c.relnamespace join pg_attribute a on a.attrelid = c.oid and a.attnum > 0
      where c.relkind = 'r' and n.nspname not in ('pg_catalog', 'information_schema', 'recon_sandbox')
      group by n.nspname, c.relname order by n.nspname, c.relname`)
    return rows.map(row => row.line)
  })
}

async function clickhouseColumns(url: string): Promise<string[]> {
  const text = await clickhouseText(
    url,
    `select concat(table, ' by ', any(t.sorting_key), ': ', arrayStringConcat(arrayMap(c -> concat(c.2, ' ', c.3), arraySort(groupArray((position, name, type)))), ', '))
     from system.columns c join (select name as table, sorting_key from system.tables where database = currentDatabase() and engine = 'MergeTree') t using (table)
     where database = currentDatabase() and table != 'recon_sandbox_marker' group by table order by table`,
  )
  return text.split('\n')
}
