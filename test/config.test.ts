import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { DURATION_MS_MAX, formatDuration, parseDuration } from '../cli/config/duration.ts'
import { type LoadedConfig, loadConfig } from '../cli/config/load.ts'
import { isOneSelect } from '../cli/config/one-select.ts'
import { configToJson, configToYaml } from '../cli/config/print.ts'
import { ConfigError } from '../cli/config/problem.ts'

const KNOWN_CHECKS = ['transactions-balance', 'positions-match']

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'recon-config-'))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

function load(yaml: string | undefined, environment: Record<string, string> = {}, file?: string): LoadedConfig {
  rmSync(join(folder, 'recon.yaml'), { force: true })
  if (yaml !== undefined) writeFileSync(join(folder, 'recon.yaml'), yaml)
  return loadConfig({ environment, workingFolder: folder, file, knownChecks: KNOWN_CHECKS })
}

function problemsOf(yaml: string | undefined, environment: Record<string, string> = {}, file?: string): string[] {
  try {
    load(yaml, environment, file)
  } catch (error) {
    if (error instanceof ConfigError) return error.message.split('\n')
    throw error
  }
  return []
}

describe('durations', () => {
  it('survive being written and read back, whatever the number of milliseconds', () => {
    fc.assert(fc.property(fc.integer({ min: 0, max: DURATION_MS_MAX }), ms => parseDuration(formatDuration(ms)) === ms))
  })

  it('mean what each unit says', () => {
    expect(['0s', '500ms', '30s', '5m', '2h'].map(parseDuration)).toEqual([0, 500, 30_000, 300_000, 7_200_000])
  })

  it.each(['', '5', '5 s', '-5s', '1.5h', '1h30m', '5S', '5sec', 's', '597h', '1e3s', '٣s'])('refuse %j', text => {
    expect(parseDuration(text)).toBeUndefined()
  })
})

describe('the SQL of a stream', () => {
  it.each([
    'select 1',
    'WITH x AS (SELECT max(id) AS id FROM t) SELECT id FROM x',
    "select max(sequence) from \"odd ) name\" where kind = '(' and note <> 'it''s )'",
    'select coalesce((select max(n) from t), 0)',
    'select max(a$b) from t where c = $1',
    "select E'\\\\n' = ''",
  ])('may be %s', sql => {
    expect(isOneSelect(sql)).toBe(true)
  })

  it.each([
    'select 1) , (select 2',
    'select (1',
    'select 1)',
    'select 1) union (select 2',
    "select ')' )",
    "select '",
    'select "',
    "select 'a\\') , ('b'",
    'select $$)$$',
    'select $x$ ( $x$',
    'select 1; select 2',
    'select 1 -- x',
    'select 1 /* x',
    'drop table x',
    'selection',
  ])('may not be %s', sql => {
    expect(isOneSelect(sql)).toBe(false)
  })
})

describe('the configuration', () => {
  it('needs no file: everything has a default', () => {
    const { config, warnings } = load(undefined)
    expect(warnings).toEqual([])
    expect(config.horizon).toEqual({ strategy: 'watermark', timeoutMs: 30_000, settleMs: 5_000 })
    expect(config.checks['transactions-balance']).toEqual({
      enabled: true,
      cron: '*/5 * * * *',
      timezone: 'UTC',
      timeoutMs: 60_000,
      maxMismatches: 100,
      horizon: { strategy: 'watermark', timeoutMs: 30_000, settleMs: 5_000 },
    })
    expect(config.custodian).toMatchObject({ vaults: ['vault-1'], opening: {}, inFlightLimitMs: 3_600_000, inconsistentLimitMs: 900_000 })
    expect(config.audit.periodMs).toBe(86_400_000)
    expect(config.gate).toEqual({
      minEvents: 100_000,
      minDurationMs: 1_800_000,
      cleanRounds: 10,
      maxLagEvents: 1000,
      maxEvidenceAgeMs: 300_000,
      maxSealAgeMs: 1_800_000,
      roundIntervalMs: 5_000,
      timeoutMs: 7_200_000,
      decisionTtlMs: 600_000,
      requiredChecks: ['transactions-balance', 'position-realized-pnls-balance', 'positions-match'],
      requiredEventKinds: [],
      ignoreColumns: {},
      decisionKey: undefined,
    })
    expect(Object.keys(config.streams)).toEqual(['dropcopy', 'cash'])
    expect(config.tables.postgres.balances).toMatchObject({
      schema: 'accounts',
      name: 'balances',
      stamps: { dropcopy: 'dropcopy_sequence', cash: 'cash_sequence' },
    })
  })

  it('accepts the example of the design document word for word', () => {
    const { config } = load(`
horizon: { strategy: watermark, timeout: 30s, settle: 5s }
checks:
  transactions-balance: { enabled: true, cron: "*/5 * * * *", timezone: UTC, timeout: 60s, maxMismatches: 100 }
custodian: { vaults: [vault-1], opening: {}, inFlightLimit: 60m, inconsistentLimit: 15m }
audit: { period: 24h }
gate: { minEvents: 100000, minDuration: 30m, cleanRounds: 10, maxLagEvents: 1000, maxEvidenceAge: 5m, maxSealAge: 30m, roundInterval: 5s, timeout: 2h, decisionTtl: 10m,
        requiredChecks: [transactions-balance, position-realized-pnls-balance, positions-match], requiredEventKinds: [], ignoreColumns: {} }
`)
    expect(config).toEqual(load(undefined).config)
  })

  it('has the defaults that docs/configuration.md shows, and accepts every example there', () => {
    const document = readFileSync(join(import.meta.dirname, '..', 'docs', 'configuration.md'), 'utf8')
    const [defaults = '', ...examples] = [...document.matchAll(/```yaml\n(.*?)```/gs)].map(([, yaml = '']) => yaml)
    const loaded = load(defaults)
    expect(loaded.config).toEqual(load(undefined).config)
    // Every key is shown, except those that only name a file with a secret.
    const { origins }: { origins: Record<string, string> } = JSON.parse(configToJson(loaded))
    expect(
      Object.entries(origins).filter(([key, origin]) => origin === 'default' && !/^checks\.(positions-match|.*\.horizon)/.test(key)),
    ).toEqual([])
    expect(examples.map(yaml => load(yaml).warnings)).toEqual([[], []])
  })

  it('takes empty sections for defaults', () => {
    expect(load('horizon:\nchecks:\n  transactions-balance:\n').config).toEqual(load(undefined).config)
  })

  it('lets a check override the common horizon key by key', () => {
    const { config } = load('horizon: {timeout: 9s}\nchecks: {transactions-balance: {horizon: {strategy: settle}}}')
    expect(config.checks['transactions-balance']?.horizon).toEqual({ strategy: 'settle', timeoutMs: 9000, settleMs: 5000 })
    expect(config.checks['positions-match']?.horizon).toEqual({ strategy: 'watermark', timeoutMs: 9000, settleMs: 5000 })
  })

  it('reports every error at once, each with its line and what would be right', () => {
    const problems = problemsOf(
      `horizn: {}
horizon:
  timeout: 60 sec
  strategy: watermrk
checks:
  transaction-balance: {timeout: 5m}
  transactions-balance:
    maxMismatches: 0
    timeout: 0s
    timezone: US/Estern
    cron: "every day"
    enabled: "yes"
custodian: {opening: {USD: 1.5}, vaults: []}
streams: {"a b": select 1, third: drop table x}
tables: {postgres: {transfers: {table: a.b.c, columns: {sequence: "x; drop"}}}}
audit: 5
gate: {requiredChecks: [nonsense]}
`,
      { RECON_POSTGRES_URL: 'not a url, hunter2' },
    )
    const expected = [
      /^RECON_POSTGRES_URL: is not a URL; write it as postgresql:/,
      /^recon\.yaml:1:1: horizn: unknown key; did you mean "horizon"\?/,
      /^recon\.yaml:3:3: horizon\.timeout: "60 sec" is not a duration such as 500ms, 30s, 5m or 2h/,
      /^recon\.yaml:4:3: horizon\.strategy: "watermrk" is not one of: watermark, settle/,
      /^recon\.yaml:6:3: checks\.transaction-balance: unknown check; did you mean "transactions-balance"\?/,
      /^recon\.yaml:8:5: .*maxMismatches: 0 is not a whole number from 1/,
      /^recon\.yaml:9:5: .*timeout: "0s" is not a duration .*above zero/,
      /^recon\.yaml:10:5: .*timezone: "US\/Estern" is not a time zone/,
      /^recon\.yaml:11:5: .*cron: "every day" is not a cron expression/,
      /^recon\.yaml:12:5: .*enabled: "yes" is not true or false/,
      /^recon\.yaml:13:23: custodian\.opening\.USD: 1\.5 is not an exact decimal in quotes/,
      /^recon\.yaml:13:34: custodian\.vaults: name at least one vault/,
      /^recon\.yaml:14:11: streams\.a b: "a b" is not a stream name/,
      /^recon\.yaml:14:28: streams\.third: .* is not one select without semicolon/,
      /^recon\.yaml:15:33: tables\.postgres\.transfers\.table: "a\.b\.c" is not a table name/,
      /^recon\.yaml:15:57: tables\.postgres\.transfers\.columns\.sequence: "x; drop" is not a column name/,
      /^recon\.yaml:16:1: audit: 5 is not a mapping/,
      /^recon\.yaml:17:25: gate\.requiredChecks\.0: "nonsense" is not one of/,
    ]
    expect(problems).toHaveLength(expected.length)
    for (const [index, pattern] of expected.entries()) expect(problems[index]).toMatch(pattern)
    expect(problems.join('\n')).not.toContain('hunter2')
  })

  it.each([
    [
      'a broken document, with every place where it is broken',
      'a: [1\nb: 2\nb: 3',
      [/^recon\.yaml:2:1: not valid YAML/, /^recon\.yaml:3:1: not valid YAML: .*unique/],
    ],
    ['a document that is not a mapping', '- 1', [/^recon\.yaml:1:1: \[1\] is not a mapping/]],
    ['an alias without anchor', 'horizon: *nowhere', [/^recon\.yaml: not valid YAML: .*nowhere/]],
    ['a second document', 'audit: {}\n---\naudit: {}', [/^recon\.yaml:\d+:\d+: not valid YAML/]],
    ['a key that would reach the prototype', '__proto__: {}', [/^recon\.yaml:1:1: __proto__: unknown key/]],
    ['the prototype among the checks', 'checks: {__proto__: {}}', [/^recon\.yaml:1:10: checks\.__proto__: unknown check/]],
    [
      'a URL in the file',
      'stores: {postgresUrl: "postgresql://u:p@h/d"}',
      [/postgresUrl: secrets do not stand in this file: set RECON_POSTGRES_URL/],
    ],
    ['an API key in the file', 'custodian: {apiKey: hunter2}', [/apiKey: secrets do not stand in this file: set RECON_CUSTODIAN_API_KEY/]],
    ['a stream comment that could swallow what follows', 'streams: {x: "select 1 -- y"}', [/streams\.x: .*without semicolon or comment/]],
    ['a stream that leaves its parentheses', 'streams: {x: "select 1) , (select 2"}', [/streams\.x: .*parentheses closed/]],
    ['a deployment without streams', 'streams: {dropcopy: false, cash: false}', [/^recon\.yaml:1:1: streams: no stream is left/]],
    [
      'a stamp of a stream that is not there',
      'tables: {postgres: {balances: {stamps: {fees: f}}}}',
      [/stamps\.fees: there is no stream of this name/],
    ],
  ])('refuses %s', (_, yaml, expected) => {
    const problems = problemsOf(yaml)
    expect(problems).toHaveLength(expected.length)
    for (const [index, pattern] of expected.entries()) expect(problems[index]).toMatch(pattern)
  })

  it('refuses a file that was asked for and is not there', () => {
    expect(problemsOf(undefined, {}, 'elsewhere.yaml')).toEqual(['elsewhere.yaml: cannot be read (ENOENT); give --config a readable file'])
  })

  it('maps other table and column names, and reads the streams by them', () => {
    const { config } = load(`
streams: { settlement: "select max(id) from clearing.runs" }
tables:
  postgres:
    balances: { table: books.accounts, columns: { account_id: acct }, stamps: { settlement: settled_at_sequence } }
    resume_tokens: { table: Engine.tokens, columns: { sequence: seq } }
  clickhouse:
    transactions: { table: ledger.entries, columns: { amount: delta } }
`)
    expect(config.streams['dropcopy']).toBe(
      `select "seq" from "Engine"."tokens" where "service" = 'trade-engine' and "stream" = 'dropcopy'`,
    )
    expect(config.streams['settlement']).toBe('select max(id) from clearing.runs')
    expect(config.tables.postgres.balances).toEqual({
      schema: 'books',
      name: 'accounts',
      columns: { account_id: 'acct', asset: 'asset', balance: 'balance' },
      stamps: { dropcopy: 'dropcopy_sequence', cash: 'cash_sequence', settlement: 'settled_at_sequence' },
    })
    expect(config.tables.clickhouse.transactions).toMatchObject({
      schema: 'ledger',
      name: 'entries',
      columns: { amount: 'delta', asset: 'asset' },
    })
  })
})

describe('secrets', () => {
  it('come from a file named beside recon.yaml, unless the environment says otherwise', () => {
    writeFileSync(join(folder, 'state-url'), 'postgresql://r:one@h/state\n')
    const yaml = 'stores: {stateUrlFile: state-url}'
    expect(load(yaml).config.stores.stateUrl).toBe('postgresql://r:one@h/state')
    expect(load(yaml, { RECON_STATE_URL: 'postgresql://r:two@h/state' }).config.stores.stateUrl).toBe('postgresql://r:two@h/state')
  })

  it('are unset when the variable is empty', () => {
    expect(load(undefined, { RECON_STATE_URL: '' }).config.stores.stateUrl).toBeUndefined()
  })

  it('are refused by scheme, by emptiness, and when the file is missing, without being repeated', () => {
    writeFileSync(join(folder, 'empty'), '\n')
    const problems = problemsOf('stores: {stateUrlFile: empty, postgresUrlFile: missing}', {
      RECON_CLICKHOUSE_URL: 'postgresql://u:hunter2@h/d',
      RECON_HTTP_TOKEN: 'hunter2',
    })
    expect(problems).toEqual([
      'RECON_CLICKHOUSE_URL: is a postgresql:// URL; write it as https://user:password@host:8443/database',
      'RECON_HTTP_TOKEN: is shorter than 8 characters',
      'recon.yaml:1:10: stores.stateUrlFile: the content of empty is empty',
      expect.stringMatching(/^recon\.yaml:1:31: stores\.postgresUrlFile: missing cannot be read \(ENOENT\)/),
    ])
  })

  it('are warned about when a variable looks misspelled', () => {
    expect(load(undefined, { RECON_POSTGERS_URL: 'postgresql://h/d', RECON_TEST_BACKEND: 'containers' }).warnings).toEqual([
      'RECON_POSTGERS_URL is not read by recon; did you mean RECON_POSTGRES_URL?',
    ])
  })
})

describe('config print', () => {
  const yaml =
    'horizon: {timeout: 1500ms}\nstreams: {cash: false, third: select 1}\nchecks: {transactions-balance: {horizon: {settle: 0s}}}'
  const environment = { RECON_POSTGRES_URL: 'postgresql://u:hunter2@h/d', RECON_HTTP_TOKEN: 'hunter2hunter2' }

  it('prints a recon.yaml that means the same', () => {
    const loaded = load(yaml, environment)
    const printed = configToYaml(loaded)
    expect(load(printed, environment).config).toEqual(loaded.config)
  })

  it('says where each value came from and shows no secret', () => {
    const loaded = load(yaml, environment)
    const printed = configToYaml(loaded)
    expect(printed).toContain('timeout: 1500ms # recon.yaml:1')
    expect(printed).toContain('tornCutTimeout: 10s # default')
    expect(printed).toContain('RECON_POSTGRES_URL = postgresql://u:***@h/d (from the environment)')
    expect(printed + configToJson(loaded)).not.toContain('hunter2')
  })

  it('prints one JSON document with the same content', () => {
    expect(JSON.parse(configToJson(load(yaml, environment)))).toMatchObject({
      schema: 'recon.config/1',
      file: 'recon.yaml',
      config: { horizon: { timeout: '1500ms' }, streams: { cash: false, third: 'select 1' } },
      secrets: { RECON_HTTP_TOKEN: { value: '***', origin: 'RECON_HTTP_TOKEN' } },
      origins: { 'horizon.timeout': 'recon.yaml:1', 'horizon.settle': 'default' },
    })
  })
})
