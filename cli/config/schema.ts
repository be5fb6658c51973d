import type { z } from 'zod'
import { type MappedTable, REFERENCE_TABLES } from '../../checks/reference-model.ts'
import { HORIZON_STRATEGIES } from './config.ts'
import { cron, decimal, duration, flag, identifier, isStreamName, leaf, oneOf, tableName, text, timezone, wholeNumber } from './leaf.ts'
import { isOneSelect } from './one-select.ts'
import { relation } from './relations.ts'
import { list, named, section } from './section.ts'

/** The names of the invariants of the product; `gate.requiredChecks` may name those that this version does not have yet. */
const REQUIRED_CHECKS = ['transactions-balance', 'position-realized-pnls-balance', 'positions-match'] as const

const RELATION_NAME = /^[a-z][a-z0-9]*(-[a-z0-9]+)*$/

type MappingDefaults = Pick<MappedTable, 'schema' | 'name' | 'columns'>

/** Only the streams' default SQL reads this one; a deployment that reads its streams otherwise need not have it. */
const RESUME_TOKENS = {
  schema: 'trade_engine',
  name: 'resume_tokens',
  columns: { service: 'service', stream: 'stream', sequence: 'sequence' },
} as const

/** What a file declares of its own that other parts of it may name. */
export interface Declared {
  /** The names of its relations. */
  readonly relations: readonly string[]
  /** The names of the streams of the deployment. */
  readonly streams: readonly string[]
}

/**
 * What `recon.yaml` may say, with every default in the words in which it would be written there.
 * `knownChecks` are the checks that this version can run; to these come the relations that the file declares.
 */
export function fileSchema(knownChecks: readonly string[], { relations, streams }: Declared = { relations: [], streams: [] }) {
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
        pnl_marks: table(REFERENCE_TABLES.clickhouse.pnl_marks),
        sink_watermarks: table(REFERENCE_TABLES.clickhouse.sink_watermarks),
      }),
    }),
    capture: section({ tornCutTimeout: duration().prefault('10s') }),
    horizon: section({
      strategy: oneOf(HORIZON_STRATEGIES).prefault('watermark'),
      timeout: duration().prefault('30s'),
      settle: duration('0s').prefault('5s'),
    }),
    checks: section({
      ...Object.fromEntries<CheckSection>(knownChecks.map(name => [name, check()])),
      ...Object.fromEntries<CheckSection>(relations.map(name => [name, relationCheck()])),
    }),
    relations: named(
      name => RELATION_NAME.test(name) && !knownChecks.includes(name),
      'a name for a relation: lower-case words joined by hyphens, and not one of the checks of the product',
      relation(streams),
    ),
    custodian: section({
      urlFile: text('the path of a file that holds the URL').optional(),
      apiKeyFile: text('the path of a file that holds the key').optional(),
      signingKeyFile: text('the path of a file that holds the key').optional(),
      vaults: list(text('the name of a vault')).min(1, 'name at least one vault').prefault(['vault-1']),
      opening: named(asset => asset.trim() !== '', 'the name of an asset', decimal()),
      classify: named(
        isClassifiable,
        'a type of the custodian that may be classified (DEPOSIT and WITHDRAW are matched with the books)',
        oneOf(['in', 'out']),
      ),
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
      requiredChecks: list(oneOf([...new Set([...REQUIRED_CHECKS, ...knownChecks, ...relations])])).prefault([...REQUIRED_CHECKS]),
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
    ...scheduled(),
    horizon: section({
      strategy: oneOf(HORIZON_STRATEGIES).optional(),
      timeout: duration().optional(),
      settle: duration('0s').optional(),
    }),
  })
}

type CheckSection = ReturnType<typeof check> | ReturnType<typeof relationCheck>

/** How the legs of a relation wait is said by each of them; here only for how long. */
function relationCheck() {
  return section({ ...scheduled(), horizon: section({ timeout: duration().optional() }) })
}

function scheduled() {
  return {
    enabled: flag().prefault(true),
    cron: cron().prefault('*/5 * * * *'),
    timezone: timezone().prefault('UTC'),
    timeout: duration().prefault('60s'),
    maxMismatches: wholeNumber(1, 100_000).prefault(100),
  }
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

function isClassifiable(type: string): boolean {
  return type.trim() !== '' && type !== 'DEPOSIT' && type !== 'WITHDRAW'
}
