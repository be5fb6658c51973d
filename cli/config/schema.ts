import { z } from 'zod'
import { type MappedTable, REFERENCE_TABLES } from '../../checks/reference-model.ts'
import { HORIZON_STRATEGIES } from './config.ts'
import {
  cron,
  decimal,
  duration,
  flag,
  identifier,
  isStreamName,
  leaf,
  oneOf,
  show,
  tableName,
  text,
  timezone,
  wholeNumber,
} from './leaf.ts'
import { isOneSelect } from './one-select.ts'

/** The names of the invariants of the product; `gate.requiredChecks` may name those that this version does not have yet. */
const REQUIRED_CHECKS = ['transactions-balance', 'position-realized-pnls-balance', 'positions-match'] as const

type MappingDefaults = Pick<MappedTable, 'schema' | 'name' | 'columns'>

/** Only the streams' default SQL reads this one; a deployment that reads its streams otherwise need not have it. */
const RESUME_TOKENS = {
  schema: 'trade_engine',
  name: 'resume_tokens',
  columns: { service: 'service', stream: 'stream', sequence: 'sequence' },
} as const

/**
 * What `recon.yaml` may say, with every default in the words in which it would be written there.
 * `knownChecks` are the checks that this version (and the deployment's own relations) can run.
 */
export function fileSchema(knownChecks: readonly string[]) {
  return section({
    stores: section({
      postgresUrlFile: text('the path of a file that holds the URL').optional(),
      shadowPostgresUrlFile: text('the path of a file that holds the URL').optional(),
      clickhouseUrlFile: text('the path of a file that holds the URL').optional(),
      stateUrlFile: text('the path of a file that holds the URL').optional(),
      clickhouseStateUrlFile: text('the path of a file that holds the URL').optional(),
      connectTimeout: duration().prefault('10s'),
    }),
    streams: named(isStreamName, 'a stream name (letters, digits, _ and -)', stream()),
    tables: section({
      postgres: section({
        balances: stateTable(REFERENCE_TABLES.postgres.balances),
        positions: stateTable(REFERENCE_TABLES.postgres.positions),
        resume_tokens: table(RESUME_TOKENS),
        trades: table(REFERENCE_TABLES.postgres.trades),
        transfers: table(REFERENCE_TABLES.postgres.transfers),
      }),
      clickhouse: section({
        transactions: table(REFERENCE_TABLES.clickhouse.transactions),
        positions: table(REFERENCE_TABLES.clickhouse.positions),
        sink_watermarks: table(REFERENCE_TABLES.clickhouse.sink_watermarks),
      }),
    }),
    capture: section({ tornCutTimeout: duration().prefault('10s') }),
    horizon: section({
      strategy: oneOf(HORIZON_STRATEGIES).prefault('watermark'),
      timeout: duration().prefault('30s'),
      settle: duration('0s').prefault('5s'),
    }),
    checks: section(Object.fromEntries(knownChecks.map(name => [name, check()]))),
    custodian: section({
      urlFile: text('the path of a file that holds the URL').optional(),
      apiKeyFile: text('the path of a file that holds the key').optional(),
      vaults: list(text('the name of a vault')).min(1, 'name at least one vault').prefault(['vault-1']),
      opening: named(asset => asset.trim() !== '', 'the name of an asset', decimal()),
      inFlightLimit: duration().prefault('60m'),
      inconsistentLimit: duration().prefault('15m'),
    }),
    audit: section({ period: duration().prefault('24h') }),
    gate: section({
      minEvents: wholeNumber(1, Number.MAX_SAFE_INTEGER).prefault(100_000),
      minDuration: duration().prefault('30m'),
      cleanRounds: wholeNumber(1, 1_000_000).prefault(10),
      maxLagEvents: wholeNumber(0, Number.MAX_SAFE_INTEGER).prefault(1000),
      maxEvidenceAge: duration().prefault('5m'),
      maxSealAge: duration().prefault('30m'),
      roundInterval: duration().prefault('5s'),
      timeout: duration().prefault('2h'),
      decisionTtl: duration().prefault('10m'),
      requiredChecks: list(oneOf([...new Set([...REQUIRED_CHECKS, ...knownChecks])])).prefault([...REQUIRED_CHECKS]),
      requiredEventKinds: list(text('the name of an event kind')).prefault([]),
      ignoreColumns: named(name => name.trim() !== '', 'the name of a table', list(identifier())),
      decisionKeyFile: text('the path of a file that holds the key').optional(),
    }),
    http: section({ tokenFile: text('the path of a file that holds the token').optional() }),
  })
}

/** The file after validation: defaults filled in, durations as milliseconds. */
export type FileConfig = z.infer<ReturnType<typeof fileSchema>>

function check() {
  return section({
    enabled: flag().prefault(true),
    cron: cron().prefault('*/5 * * * *'),
    timezone: timezone().prefault('UTC'),
    timeout: duration().prefault('60s'),
    maxMismatches: wholeNumber(1, 100_000).prefault(100),
    horizon: section({
      strategy: oneOf(HORIZON_STRATEGIES).optional(),
      timeout: duration().optional(),
      settle: duration('0s').optional(),
    }),
  })
}

function table(reference: MappingDefaults) {
  return section(mapping(reference))
}

/** A state table names, beside its columns, the one that holds the stamp of each stream. */
function stateTable(reference: MappingDefaults) {
  return section({ ...mapping(reference), stamps: named(isStreamName, 'a stream name (letters, digits, _ and -)', identifier()) })
}

function mapping({ schema, name, columns }: MappingDefaults) {
  return {
    table: tableName().prefault(schema === undefined ? name : `${schema}.${name}`),
    columns: section(Object.fromEntries(Object.keys(columns).map(column => [column, identifier().prefault(column)]))),
  }
}

function stream(): z.ZodType<string | false, unknown> {
  const right = 'one select without semicolon or comment, its quotes and parentheses closed, or false for a stream that is not here'
  return leaf(right, value => {
    if (value === false) return false
    return typeof value === 'string' && isOneSelect(value) ? value.trim() : undefined
  })
}

/** A mapping with fixed keys. Absent, or present with nothing under it, it is all defaults. */
function section<Shape extends z.ZodRawShape>(shape: Shape) {
  const object = z.strictObject(shape, ofType('a mapping of keys to values'))
  return z.preprocess(value => value ?? {}, object).prefault({})
}

/** A mapping whose keys are names of the deployment's own. */
function named<Value extends z.ZodType>(isName: (name: string) => boolean, right: string, value: Value) {
  const key = z.string().refine(isName, { error: issue => `${show(issue.input)} is not ${right}` })
  const record = z.record(key, value, ofType('a mapping of names to values'))
  return z.preprocess(input => input ?? {}, record).prefault({})
}

function list<Item extends z.ZodType>(item: Item) {
  return z.array(item, ofType('a list'))
}

function ofType(right: string) {
  return {
    error: (issue: { readonly code?: string; readonly input?: unknown }) =>
      issue.code === 'invalid_type' ? `${show(issue.input)} is not ${right}` : undefined,
  }
}
