import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { loadConfig } from '../cli/config/load.ts'
import { ConfigError } from '../cli/config/problem.ts'
import { connectClickHouse } from '../stores/clickhouse/connection.ts'
import { ELSEWHERE_CERTIFICATE, TEST_KEY } from './support/certificates.ts'

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'recon-urls-'))
  writeFileSync(join(folder, 'ca.pem'), ELSEWHERE_CERTIFICATE)
  writeFileSync(join(folder, 'key.pem'), TEST_KEY)
  writeFileSync(join(folder, 'junk.pem'), 'junk')
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const load = (environment: Readonly<Record<string, string>>) =>
  loadConfig({ environment, workingFolder: folder, file: undefined, knownChecks: ['transactions-balance'] })

function problemsOf(environment: Readonly<Record<string, string>>): readonly string[] {
  try {
    load(environment)
  } catch (error) {
    if (error instanceof ConfigError) return error.message.split('\n')
    throw error
  }
  return []
}

/** In a file parameter, @ stands for the folder of the test. */
const postgres = (query: string) => `postgresql://u:hunter2@h:5432/d?${query.replaceAll('@', `${folder}/`)}`
const clickhouse = (query: string) => `https://h:8443/d?${query}`

describe('the URL of a PostgreSQL store', () => {
  it.each([
    ['port=abc', /parameter port that is not a port from 1 to 65535/],
    ['port=5432&port=70000', /parameter port/],
    ['sslmode=verfy-full', /parameter sslmode that is not one of: disable/],
    ['ssl=false', /parameter ssl that is not one of: true, 1, 0, no-verify/],
    ['sslrootcert=@missing.pem', /sslrootcert that cannot be read \(ENOENT\)/],
    ['sslrootcert=@junk.pem', /sslrootcert that is not what its name says/],
    ['sslcert=@missing.pem', /sslcert that cannot be read \(ENOENT\)/],
    ['sslcert=@junk.pem', /sslcert that is not what its name says/],
    ['sslkey=@missing.pem', /sslkey that cannot be read \(ENOENT\)/],
    ['sslkey=@junk.pem', /sslkey that is not what its name says/],
    ['sslnegotiation=direct&sslmode=disable', /direct without TLS/],
    ['sslnegotiation=maybe', /parameter sslnegotiation/],
    ['uselibpqcompat=true&sslmode=verify-ca', /verify-ca without sslrootcert/],
    ['client_encoding=LATIN1', /parameter client_encoding/],
    ['replication=database', /parameter replication/],
    ['options=%zz', /write a % as %25/],
    ['options=-c search_path=x', /a space as %20/],
  ])('is refused for ?%s, and not repeated', (query, expected) => {
    const problems = problemsOf({ RECON_POSTGRES_URL: postgres(query) })
    expect(problems).toEqual([expect.stringMatching(expected)])
    expect(problems.join()).toMatch(/^RECON_POSTGRES_URL: /)
    expect(problems.join()).not.toMatch(/hunter2|missing\.pem|%zz|LATIN1/)
  })

  it.each([
    'postgresql://%zz:p@h/d',
    'postgresql://u:hunter2%@h/d',
    'postgresql://u:%ff@h/d',
    'postgresql://u:p@%zz/d',
    'postgresql://u:p@h/%zz',
  ])('is refused for what cannot be decoded anywhere in it: %s', url => {
    expect(problemsOf({ RECON_STATE_URL: url })).toEqual([expect.stringMatching(/^RECON_STATE_URL: .*write a % as %25/)])
  })

  it.each([
    '',
    'sslmode=disable',
    'sslmode=no-verify&sslrootcert=@ca.pem',
    'sslmode=verify-full&sslrootcert=@ca.pem&sslcert=@ca.pem&sslkey=@key.pem',
    'uselibpqcompat=true&sslmode=verify-ca&sslrootcert=@ca.pem',
    'uselibpqcompat=true&sslmode=require',
    'sslnegotiation=direct&sslmode=verify-full',
    'ssl=true',
    'ssl=0',
    'port=5433&host=/var/run/postgresql',
    'application_name=a&options=-c%20search_path%3Dx&connect_timeout=3&target_session_attrs=any',
  ])('is accepted with ?%s, and the driver takes it', query => {
    const { stores } = load({ RECON_POSTGRES_URL: postgres(query) }).config
    expect(() => new pg.Client({ connectionString: stores.postgresUrl ?? 'postgresql://h/unset' })).not.toThrow()
  })

  it('has the modes that the driver takes for verify-full written as that, so that it does not warn', () => {
    const warnings: unknown[] = []
    const emitWarning = process.emitWarning
    process.emitWarning = warning => void warnings.push(warning)
    try {
      for (const mode of ['prefer', 'require', 'verify-ca']) {
        const { stores } = load({ RECON_STATE_URL: postgres(`sslmode=${mode}&application_name=a%20b`) }).config
        const client = new pg.Client({ connectionString: stores.stateUrl ?? 'postgresql://h/unset' })
        expect(stores.stateUrl).toContain('sslmode=verify-full')
        expect(client).toMatchObject({ user: 'u', password: 'hunter2', host: 'h', port: 5432, database: 'd', ssl: {} })
      }
    } finally {
      process.emitWarning = emitWarning
    }
    expect(warnings).toEqual([])
  })
})

describe('the URL of a ClickHouse store', () => {
  it.each([
    ['foo=1', /not known, foo; known here: pathname, /],
    ['keep_alive_enable=1', /not known, keep_alive_enable; did you mean "keep_alive_enabled"\?/],
    ['password=hunter2', /not known, password; the password stands before the host/],
    ['user=hunter2', /not known, user; the user stands before the host/],
    ['database=hunter2', /not known, database; the database stands in the path/],
    ['session_id=hunter2', /not known, session_id/],
    ['log_level=TRACE', /not known, log_level/],
    ['request_timeout=abc', /not known, request_timeout; how long a read may take is said in recon\.yaml/],
    ['keep_alive_idle_socket_ttl=abc', /keep_alive_idle_socket_ttl that is not a whole number of milliseconds/],
    ['keep_alive_enabled=maybe', /keep_alive_enabled that is not true or false/],
    ['max_open_connections=hunter2', /not known, max_open_connections/],
    ['clickhouse_setting_max_result_rows=5', /clickhouse_setting_max_result_rows: settings do not belong into the URL/],
    ['ch_limit=5', /ch_limit: settings do not belong into the URL/],
    ['http_header_x%20y=1', /not a valid HTTP header/],
    ['pathname=%zz', /write a % as %25/],
  ])('is refused for ?%s, and not repeated', (query, expected) => {
    const problems = problemsOf({ RECON_CLICKHOUSE_URL: clickhouse(query) })
    expect(problems[0]).toMatch(expected)
    expect(problems.join()).toMatch(/^RECON_CLICKHOUSE_URL: /)
    expect(problems.join()).not.toMatch(/hunter2|abc|maybe|TRACE/)
  })

  it('is refused for what cannot be decoded in its path, and for a user beside a token', () => {
    expect(problemsOf({ RECON_CLICKHOUSE_URL: 'http://h/%zz', RECON_CLICKHOUSE_STATE_URL: 'http://u:p@h/d?access_token=t' })).toEqual([
      expect.stringMatching(/^RECON_CLICKHOUSE_URL: .*write a % as %25/),
      expect.stringMatching(/^RECON_CLICKHOUSE_STATE_URL: has both a user and an access_token/),
    ])
  })

  it('is accepted with what the driver takes and no answer depends on', async () => {
    const query = 'pathname=/ch&keep_alive_enabled=false&keep_alive_idle_socket_ttl=100'
    const { stores } = load({ RECON_CLICKHOUSE_URL: clickhouse(`${query}&access_token=t&http_header_x-tenant=a`) }).config
    const url = stores.clickhouseUrl ?? ''
    await connectClickHouse({ name: 'clickhouse', url, connectTimeoutMs: 1_000, statementTimeoutMs: 1_000 }).close()
  })

  it('is told of with everything else that is wrong, every parameter of it', () => {
    writeFileSync(join(folder, 'recon.yaml'), 'horizn: {}\n')
    try {
      expect(problemsOf({ RECON_CLICKHOUSE_URL: clickhouse('foo=1&ch_limit=1'), RECON_STATE_URL: postgres('port=x') })).toHaveLength(4)
    } finally {
      rmSync(join(folder, 'recon.yaml'))
    }
  })
})
