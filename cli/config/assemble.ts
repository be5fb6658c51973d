import { columnOf, type MappedTable, REFERENCE_TABLES } from '../../checks/reference-model.ts'
import type { CheckConfig, Config, StreamsConfig, TablesConfig } from './config.ts'
import type { Secret } from './load.ts'
import { settlePostgresUrl } from './postgres-url.ts'
import { customRelation } from './relations.ts'
import type { FileConfig } from './schema.ts'
import type { SecretName } from './secrets.ts'
import type { ConfigPath } from './yaml-file.ts'

/** The streams of the reference model, which a deployment has unless it takes them away. */
export const DEFAULT_STREAMS = ['dropcopy', 'cash'] as const

/** What is wrong between keys that are each well formed. */
export interface AssemblyProblem {
  readonly path: ConfigPath
  readonly message: string
}

/** Joins the validated file and the secrets into the configuration that the commands read. */
export function assemble(
  file: FileConfig,
  secrets: Readonly<Partial<Record<SecretName, Secret>>>,
): { readonly config: Config; readonly problems: readonly AssemblyProblem[] } {
  const secret = (name: SecretName) => secrets[name]?.value
  const postgres = (name: SecretName) => {
    const url = secret(name)
    return url === undefined ? undefined : settlePostgresUrl(url)
  }
  const tables = tablesOf(file)
  const streams = streamsOf(file, tables)
  const { gate, custodian, stores } = file
  const config: Config = {
    stores: {
      postgresUrl: postgres('postgresUrl'),
      shadowPostgresUrl: postgres('shadowPostgresUrl'),
      clickhouseUrl: secret('clickhouseUrl'),
      stateUrl: postgres('stateUrl'),
      clickhouseStateUrl: secret('clickhouseStateUrl'),
      connectTimeoutMs: stores.connectTimeout,
    },
    streams,
    tables: {
      ...tables,
      postgres: {
        ...tables.postgres,
        balances: withStamps('balances', tables.postgres.balances, streams),
        positions: withStamps('positions', tables.postgres.positions, streams),
      },
    },
    capture: { tornCutTimeoutMs: file.capture.tornCutTimeout },
    horizon: { strategy: file.horizon.strategy, timeoutMs: file.horizon.timeout, settleMs: file.horizon.settle },
    checks: Object.fromEntries(Object.entries(file.checks).map(([name, check]) => [name, checkOf(file, check)])),
    relations: Object.fromEntries(
      Object.entries(file.relations).map(([name, relation]) => [name, customRelation(name, relation, streams)]),
    ),
    custodian: {
      url: secret('custodianUrl'),
      apiKey: secret('custodianApiKey'),
      signingKey: secret('custodianSigningKey'),
      vaults: custodian.vaults,
      opening: custodian.opening,
      classify: custodian.classify,
      inFlightLimitMs: custodian.inFlightLimit,
      inconsistentLimitMs: custodian.inconsistentLimit,
    },
    audit: { periodMs: file.audit.period },
    gate: {
      minEvents: gate.minEvents,
      minDurationMs: gate.minDuration,
      cleanRounds: gate.cleanRounds,
      maxLagEvents: gate.maxLagEvents,
      maxEvidenceAgeMs: gate.maxEvidenceAge,
      maxSealAgeMs: gate.maxSealAge,
      roundIntervalMs: gate.roundInterval,
      timeoutMs: gate.timeout,
      decisionTtlMs: gate.decisionTtl,
      requiredChecks: gate.requiredChecks,
      requiredEventKinds: gate.requiredEventKinds,
      ignoreColumns: gate.ignoreColumns,
      decisionKey: secret('decisionKey'),
    },
    http: { token: secret('httpToken') },
  }
  return { config, problems: problemsBetween(file, streams) }
}

type FileHorizon = Partial<FileConfig['horizon']>

function checkOf({ horizon }: FileConfig, check: FileConfig['checks'][string]): CheckConfig {
  const own: { readonly [Key in keyof FileHorizon]: FileHorizon[Key] | undefined } = check.horizon
  return {
    enabled: check.enabled,
    cron: check.cron,
    timezone: check.timezone,
    timeoutMs: check.timeout,
    maxMismatches: check.maxMismatches,
    horizon: {
      strategy: own.strategy ?? horizon.strategy,
      timeoutMs: own.timeout ?? horizon.timeout,
      settleMs: own.settle ?? horizon.settle,
    },
  }
}

const STATE_TABLES = ['balances', 'positions'] as const
type StateTable = (typeof STATE_TABLES)[number]

type FileTable = FileConfig['tables']['postgres']['resume_tokens'] & { readonly stamps?: Readonly<Record<string, string>> }

function tablesOf({ tables: { postgres, clickhouse } }: FileConfig): TablesConfig {
  return {
    postgres: {
      balances: tableOf(postgres.balances),
      positions: tableOf(postgres.positions),
      resume_tokens: tableOf(postgres.resume_tokens),
      trades: tableOf(postgres.trades),
      transfers: tableOf(postgres.transfers),
    },
    clickhouse: {
      transactions: tableOf(clickhouse.transactions),
      positions: tableOf(clickhouse.positions),
      pnl_marks: tableOf(clickhouse.pnl_marks),
      sink_watermarks: tableOf(clickhouse.sink_watermarks),
    },
  }
}

function tableOf({ table, columns, stamps = {} }: FileTable): MappedTable {
  return { schema: table.schema, name: table.name, columns, stamps }
}

/** The reference streams stamp the reference columns, where the deployment has those streams and names no others. */
function withStamps(name: StateTable, table: MappedTable, streams: StreamsConfig): MappedTable {
  const defaults = Object.entries(REFERENCE_TABLES.postgres[name].stamps).filter(([stream]) => Object.hasOwn(streams, stream))
  return { ...table, stamps: { ...Object.fromEntries(defaults), ...table.stamps } }
}

/** The two streams of the reference model, read by their mapped names, and whatever the deployment adds or takes away. */
function streamsOf(file: FileConfig, { postgres: { resume_tokens: tokens, transfers } }: TablesConfig): StreamsConfig {
  const token = (column: string) => quote(columnOf(tokens, column))
  const defaults: Readonly<Record<(typeof DEFAULT_STREAMS)[number], string>> = {
    dropcopy: `select ${token('sequence')} from ${quoteTable(tokens)} where ${token('service')} = 'trade-engine' and ${token('stream')} = 'dropcopy'`,
    cash: `select max(${quote(columnOf(transfers, 'sequence'))}) from ${quoteTable(transfers)}`,
  }
  const all: Readonly<Record<string, string | false>> = { ...defaults, ...file.streams }
  return Object.fromEntries(Object.entries(all).flatMap(([stream, sql]) => (sql === false ? [] : [[stream, sql]])))
}

function problemsBetween(file: FileConfig, streams: StreamsConfig): readonly AssemblyProblem[] {
  const noStream = Object.keys(streams).length === 0
  const stamped = STATE_TABLES.flatMap(table =>
    Object.keys(file.tables.postgres[table].stamps).flatMap(stream => (Object.hasOwn(streams, stream) ? [] : [{ table, stream }])),
  )
  return [
    ...(noStream ? [{ path: ['streams'], message: 'no stream is left; an epoch needs at least one' }] : []),
    ...stamped.map(({ table, stream }) => ({
      path: ['tables', 'postgres', table, 'stamps', stream],
      message: `there is no stream of this name; declare it under streams, or take its stamp away`,
    })),
    ...ambiguousStreams(file, streams),
  ]
}

/** Recon remembers how high each stream has been by its name, so that one name must mean one stream. */
function ambiguousStreams({ relations }: FileConfig, streams: StreamsConfig): readonly AssemblyProblem[] {
  const declared = Object.entries(relations).flatMap(([relation, { streams: own }]) =>
    Object.entries(own).map(([stream, sql]) => ({ relation, stream, sql })),
  )
  return declared.flatMap(({ relation, stream, sql }) => {
    const path = ['relations', relation, 'streams', stream]
    if (Object.hasOwn(streams, stream) && streams[stream] !== sql) {
      return [{ path, message: 'streams has one of this name that is read otherwise; give this one another name' }]
    }
    const other = declared.find(first => first.stream === stream && first.sql !== sql)
    if (!other || other.relation === relation) return []
    return [{ path, message: `relation ${other.relation} has one of this name that is read otherwise; give one of them another name` }]
  })
}

function quoteTable({ schema, name }: MappedTable): string {
  return schema === undefined ? quote(name) : `${quote(schema)}.${quote(name)}`
}

// Every identifier was validated as one; quoting keeps its case, and keeps words such as "user" names.
function quote(name: string): string {
  return `"${name}"`
}
