import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, existsSync, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { main } from '../cli/main.ts'
import { compiledEntry } from '../sim/engines/package-root.ts'
import { withPostgres } from '../sim/engines/postgres-client.ts'
import type { Stores } from '../sim/sandbox/stores.ts'
import { systemClock } from '../stores/system-clock.ts'
import { describeEngines, startTestEngines } from './support/engines.ts'
import { until } from './support/until.ts'

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'recon-cli-'))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

type Environment = Readonly<Record<string, string>>

type Started = ChildProcess & { readonly output: Promise<[string, string]> }

function start(
  args: readonly string[],
  environment: Environment = {},
  [out = 'pipe', err = 'pipe']: readonly ('pipe' | number)[] = [],
): Started {
  const child = spawn(process.execPath, [compiledEntry('cli/recon.ts'), ...args], {
    cwd: folder,
    env: { PATH: process.env['PATH'] ?? '', ...environment },
    stdio: ['ignore', out, err],
  })
  const read = async (stream: NodeJS.ReadableStream | null) => (stream ? text(stream) : '')
  return Object.assign(child, { output: Promise.all([read(child.stdout), read(child.stderr)]) })
}

async function recon(args: readonly string[], environment: Environment = {}) {
  const child = start(args, environment)
  const [[status], [stdout, stderr]] = await Promise.all([once(child, 'close'), child.output])
  return { status, stdout, stderr }
}

/** The checks that ask nobody but the two stores, in the order in which --all runs them. */
const STORE_CHECKS = ['transactions-balance', 'position-realized-pnls-balance', 'positions-match', 'pnl-is-zero-sum'] as const

/** All that --all has to say where no custodian is configured. */
const LEFT_OUT = 'recon: omnibus-balances-square is left out: RECON_CUSTODIAN_URL is not set\n'

/** The documents of an output that has one on each line. */
function documents(output: string): readonly unknown[] {
  return output
    .trimEnd()
    .split('\n')
    .map((line): unknown => JSON.parse(line))
}

/** What --all must print where every run ends alike. */
function eachCheck(expected: Readonly<Record<string, string>>): readonly unknown[] {
  return STORE_CHECKS.map(check => expect.objectContaining({ schema: 'recon.run/1', check, ...expected }))
}

describe('the command line', () => {
  it.each([
    ['--help', /Usage: recon/],
    ['--version', /^\d+\.\d+\.\d+/],
    ['check --help', /Exit status:[\s\S]*inconclusive\/cancelled/],
    ['help doctor', /0 well, 10 not/],
  ])('answers %s on stdout with 0', async (args, expected) => {
    const { status, stdout, stderr } = await recon(args.split(' '))
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
    expect(stdout).toMatch(expected)
  })

  it.each([
    ['', /Usage: recon/],
    ['chekc transactions-balance', /unknown command 'chekc'[\s\S]*check/],
    [
      'check',
      /name a check \(transactions-balance, position-realized-pnls-balance, positions-match, pnl-is-zero-sum, omnibus-balances-square\), or say --all/,
    ],
    ['check --all transactions-balance', /not both/],
    ['check transaction-balance nonsense', /"transaction-balance"; did you mean "transactions-balance"\?[\s\S]*"nonsense"; known here/],
    ['check --jsno', /unknown option '--jsno'/],
    ['history --limit 0', /whole number from 1 to/],
    ['history --verdict good', /balanced, diff, inconclusive/],
    ['history', /RECON_STATE_URL: is not set/],
    ['epoch accept', /--reason/],
    ['sim', /--events/],
    ['sim --events 0', /whole number from 1/],
    ['sim --events 5 --fault lost-rwo', /did you mean "lost-row"\?[\s\S]*RECON_POSTGRES_URL is not set/],
    ['sandbox --postgres-port 70000', /whole number from 1 to 65535/],
    ['--config nowhere.yaml config print', /nowhere\.yaml: cannot be read/],
    ['check --all', /RECON_POSTGRES_URL: is not set[\s\S]*RECON_CLICKHOUSE_URL: is not set/],
    ['doctor', /RECON_POSTGRES_URL: is not set/],
  ])('refuses "recon %s" on stderr with 2', async (args, expected) => {
    const { status, stdout, stderr } = await recon(args.split(' ').filter(word => word !== ''))
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' })
    expect(stderr).toMatch(expected)
  })

  it('refuses a bad configuration with every error at once, and 2', async () => {
    writeFileSync(join(folder, 'bad.yaml'), 'horizon:\n  timeout: soon\nchekcs: {}\n')
    const { status, stderr } = await recon(['--config', 'bad.yaml', 'config', 'print'], { RECON_POSTGRES_URL: 'nonsense' })
    expect(status).toBe(2)
    expect(stderr.trim().split('\n')).toEqual([
      expect.stringMatching(/RECON_POSTGRES_URL: is not a URL/),
      expect.stringMatching(/bad\.yaml:2:3: horizon\.timeout: "soon" is not a duration/),
      expect.stringMatching(/bad\.yaml:3:1: chekcs: unknown key; did you mean "checks"\?/),
    ])
  })

  it('prints the configuration as data, and warnings as talk', async () => {
    const { status, stdout, stderr } = await recon(['config', 'print', '--json'], { RECON_POSTGERS_URL: 'postgresql://h/d' })
    expect(status).toBe(0)
    expect(JSON.parse(stdout)).toMatchObject({ schema: 'recon.config/1', file: null })
    expect(stderr).toContain('did you mean RECON_POSTGRES_URL?')
  })

  it.skipIf(!existsSync('/dev/full'))(
    'tells that its output could not be written, with 2 instead of 0, and keeps any other status',
    async () => {
      const urls = { RECON_POSTGRES_URL: 'postgresql://nobody@127.0.0.1:1/x', RECON_CLICKHOUSE_URL: 'http://127.0.0.1:1/x' }
      const full = openSync('/dev/full', 'w')
      const ended = async (args: readonly string[], stdio: readonly ('pipe' | number)[]) => {
        const child = start(args, urls, stdio)
        const [[status], [stdout, stderr]] = await Promise.all([once(child, 'close'), child.output])
        return { status, stdout, stderr }
      }
      try {
        const told = expect.stringMatching(/standard output could not be written \(ENOSPC\)/)
        expect(await ended(['config', 'print'], [full, 'pipe'])).toEqual({ status: 2, stdout: '', stderr: told })
        expect(await ended(['check', '--all'], [full, 'pipe'])).toEqual({ status: 11, stdout: '', stderr: told })
        const state = { ...urls, RECON_STATE_URL: 'postgresql://nobody@127.0.0.1:1/x' }
        const child = start(['check', '--all', '--json'], state, ['pipe', full])
        const [[status], [stdout]] = await Promise.all([once(child, 'close'), child.output])
        expect(status).toBe(11)
        expect(documents(stdout)).toEqual(eachCheck({ verdict: 'inconclusive', reasonCode: 'store-unreachable' }))
        expect(await ended(['chekc'], ['pipe', full])).toEqual({ status: 2, stdout: '', stderr: '' })
      } finally {
        closeSync(full)
      }
    },
  )

  it('calls a crash of its own a bug, with the stack on stderr, and 1', async () => {
    const stderr = new PassThrough()
    const environment = new Proxy<Record<string, string>>(
      {},
      {
        get: () => {
          throw new TypeError('\u001b[31mcannot happen')
        },
      },
    )
    const status = await main(['config', 'print'], {
      stdin: new PassThrough(),
      stdout: new PassThrough(),
      stderr,
      signal: new AbortController().signal,
      environment,
      workingFolder: folder,
      clock: systemClock,
      color: false,
    })
    stderr.end()
    const said = await text(stderr)
    expect(status).toBe(1)
    expect(said).toMatch(/this is a bug in recon/)
    expect(said).toMatch(/TypeError: \\u\{1b\}\[31mcannot happen\n +at /)
  })
})

describeEngines('recon check', () => {
  let stores: Stores
  let environment: Environment
  beforeAll(async () => {
    stores = await (await startTestEngines()).createStores('cli')
    environment = { RECON_POSTGRES_URL: stores.postgresUrl, RECON_CLICKHOUSE_URL: stores.clickhouseUrl, RECON_STATE_URL: stores.reconUrl }
  })
  afterAll(() => stores?.drop())

  it('says balanced with 0, records the runs, and lists them', async () => {
    const checked = await recon(['check', '--all', '--json'], environment)
    expect(checked).toMatchObject({ status: 0, stderr: LEFT_OUT })
    const runs = documents(checked.stdout)
    expect(runs).toEqual(eachCheck({ verdict: 'balanced' }))

    const history = await recon(['history', '--json', '--limit', String(STORE_CHECKS.length)], environment)
    expect(history).toMatchObject({ status: 0, stderr: '' })
    expect(documents(history.stdout)).toEqual(runs.toReversed())
    const listed = await recon(['history', '--check', 'transactions-balance'], environment)
    expect(listed.stdout).toMatch(/finished at +check +verdict[\s\S]*transactions-balance +balanced +balanced +dropcopy=0 cash=0/)
  })

  it('says diff with 10, and shows a hostile account name without letting it reach the terminal', async () => {
    const name = 'A\u001b[2J\n"x"'
    await withPostgres(stores.postgresUrl, client =>
      client.query('insert into accounts.balances values ($1, $2, $3)', [name, 'USD', '10.5']),
    )
    try {
      const { status, stdout } = await recon(['check', 'transactions-balance'], environment)
      expect(status).toBe(10)
      expect(stdout).toContain('DIFF (value-mismatch)')
      expect(stdout).toMatch(/"A\\u\{1b\}\[2J\\n\\"x\\"" +USD +balance +10\.5/)
      expect(stdout).not.toContain('\u001b')
      const json = await recon(['check', 'transactions-balance', '--json'], environment)
      expect(json.status).toBe(10)
      expect(JSON.parse(json.stdout)).toMatchObject({
        mismatchCount: '1',
        mismatches: [{ key: { account_id: name, asset: 'USD' }, left: { balance: '10.5' } }],
      })
    } finally {
      await withPostgres(stores.postgresUrl, client => client.query('delete from accounts.balances'))
    }
  })

  it.each([
    ['a server that is not there', { RECON_POSTGRES_URL: 'postgresql://nobody@127.0.0.1:1/x' }, 'store-unreachable'],
    ['a ClickHouse that is not there', { RECON_CLICKHOUSE_URL: 'http://127.0.0.1:1/x' }, 'store-unreachable'],
  ])('says inconclusive with 11 for %s, and what to do', async (_, change, reasonCode) => {
    const { status, stdout } = await recon(['check', 'transactions-balance'], { ...environment, ...change })
    expect(status).toBe(11)
    expect(stdout).toContain(`INCONCLUSIVE (${reasonCode})`)
    expect(stdout).toMatch(/to do .*recon doctor/)
  })

  it('goes on without its own database, and says that the run was not recorded', async () => {
    const { status, stderr } = await recon(['check', '--all'], { ...environment, RECON_STATE_URL: 'postgresql://nobody@127.0.0.1:1/x' })
    expect(status).toBe(0)
    expect(stderr).toMatch(/warning: the runs will not be recorded, and epoch-regression cannot be judged: state: .*ECONNREFUSED/)
    expect(await recon(['check', '--all'], { ...environment, RECON_STATE_URL: '' })).toMatchObject({ status: 0, stderr: LEFT_OUT })
  })

  it('does so as well where its own database speaks no TLS, and says nothing that the driver has to say', async () => {
    const { status, stderr } = await recon(['check', '--all'], { ...environment, RECON_STATE_URL: `${stores.reconUrl}?sslmode=require` })
    expect(status).toBe(0)
    expect(stderr.trimEnd().split('\n')).toEqual([
      LEFT_OUT.trimEnd(),
      expect.stringMatching(/^recon: warning: the runs will not be recorded.* does not support SSL/),
    ])
  })

  it.each(['check --all', 'doctor', 'history', 'sim --events 5'])(
    'refuses URLs that cannot be used in "recon %s", all of them, with 2',
    async args => {
      const { status, stdout, stderr } = await recon(args.split(' '), {
        RECON_POSTGRES_URL: `${stores.postgresUrl}?port=abc`,
        RECON_CLICKHOUSE_URL: `${stores.clickhouseUrl}?ch_limit=5`,
        RECON_STATE_URL: `${stores.reconUrl}?sslrootcert=/nowhere/ca.pem`,
      })
      expect({ status, stdout }).toEqual({ status: 2, stdout: '' })
      expect(stderr.trim().split('\n')).toEqual([
        expect.stringMatching(/RECON_POSTGRES_URL: .*port/),
        expect.stringMatching(/RECON_CLICKHOUSE_URL: .*ch_limit/),
        expect.stringMatching(/RECON_STATE_URL: .*sslrootcert/),
      ])
    },
  )

  it('tells a store that went back, until somebody accepts it', async () => {
    const token = (sequence: number) =>
      withPostgres(stores.postgresUrl, client =>
        client.query(
          `insert into trade_engine.resume_tokens values ('trade-engine', 'dropcopy', $1, '') on conflict (service, stream) do update set sequence = excluded.sequence`,
          [sequence],
        ),
      )
    writeFileSync(join(folder, 'settle.yaml'), 'horizon: {strategy: settle, settle: 0s}\n')
    const check = () => recon(['--config', 'settle.yaml', 'check', 'transactions-balance', '--json'], environment)
    await token(100)
    expect((await check()).status).toBe(0)
    await token(90)
    const regressed = await check()
    expect(regressed.status).toBe(11)
    expect(JSON.parse(regressed.stdout)).toMatchObject({ verdict: 'inconclusive', reasonCode: 'epoch-regression' })

    expect(await recon(['epoch', 'accept', '--reason', 'failover drill'], environment)).toMatchObject({ status: 0 })

    expect((await check()).status).toBe(0)
  })

  it('is cancelled by Ctrl-C as inconclusive with 11, and recorded as that', async () => {
    writeFileSync(
      join(folder, 'slow.yaml'),
      'horizon: {strategy: settle, settle: 10m, timeout: 20m}\nchecks: {transactions-balance: {timeout: 30m}}\n',
    )
    const child = start(['--config', 'slow.yaml', 'check', 'transactions-balance', '--json'], environment)
    await until('the check waits', () => connected(stores.reconUrl))
    child.kill('SIGINT')
    const [[status], [stdout]] = await Promise.all([once(child, 'close'), child.output])
    expect(status).toBe(11)
    expect(JSON.parse(stdout)).toMatchObject({ verdict: 'inconclusive', reasonCode: 'cancelled' })
    expect(JSON.parse((await recon(['history', '--json', '--limit', '1'], environment)).stdout)).toEqual(JSON.parse(stdout))
  })

  it.each(['SIGINT', 'SIGTERM', 'SIGHUP'])('is cancelled by %s with all verdicts and 11 while it is still being loaded', async signal => {
    // The signal comes at the moment in which the parser of the command line is loaded, which is before anything else of weight.
    const preload = join(folder, 'early.cjs')
    writeFileSync(
      preload,
      `const events = require('node:events')
      const { EventEmitter } = events
      let sent = false
      Object.defineProperty(events, 'EventEmitter', { get() {
        if (!sent && new Error().stack.includes('commander')) { sent = true; process.kill(process.pid, '${signal}') }
        return EventEmitter
      } })`,
    )
    const child = start(['check', '--all', '--json'], { ...environment, NODE_OPTIONS: `--require=${preload}` })
    const [[status, killedBy], [stdout]] = await Promise.all([once(child, 'close'), child.output])
    expect({ status, killedBy }).toEqual({ status: 11, killedBy: null })
    expect(documents(stdout)).toEqual(eachCheck({ verdict: 'inconclusive', reasonCode: 'cancelled' }))
  })

  it('ends quietly when its reader has gone', async () => {
    const child = spawn(process.execPath, [compiledEntry('cli/recon.ts'), 'history', '--json'], { cwd: folder, env: { ...environment } })
    child.stdout.destroy()
    const [[status], stderr] = await Promise.all([once(child, 'exit'), text(child.stderr)])
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
  })

  /** Whether a check has read the epochs seen before, which it does just before it starts. */
  async function connected(url: string): Promise<boolean> {
    return withPostgres(url, async client => {
      const { rows } = await client.query(
        `select from pg_stat_activity where datname = current_database() and application_name = 'recon-engine state' and state = 'idle'`,
      )
      return rows.length > 0
    })
  }
})
