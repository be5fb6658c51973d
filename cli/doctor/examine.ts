import { horizonOf } from '../../checks/check-sources.ts'
import { withDeadline } from '../../checks/deadline.ts'
import { parseSequence } from '../../epoch/epoch.ts'
import type { LegContext } from '../../epoch/leg.ts'
import { ReconError } from '../../epoch/recon-error.ts'
import { StoreError } from '../../epoch/store-error.ts'
import { type ClickHouseConnection, connectClickHouse } from '../../stores/clickhouse/connection.ts'
import { type InspectedTable, inspectClickHouse, inspectWatermarks, measureClickHouseClock } from '../../stores/clickhouse/inspect.ts'
import { inspectPostgres, inspectStream, measurePostgresClock } from '../../stores/postgres/inspect.ts'
import type { PostgresStore } from '../../stores/postgres/postgres-store.ts'
import type { StoreUrls } from '../check/store-urls.ts'
import type { Config } from '../config/config.ts'
import { openConfiguredState } from '../with-state.ts'
import { type Needs, needsOf } from './check-needs.ts'
import { type Finding, fail, ok, warn } from './finding.ts'
import { judgeClickHouse } from './judge-clickhouse.ts'
import { judgeClock } from './judge-clock.ts'
import { judgePostgres } from './judge-postgres.ts'
import { judgeWatermarks } from './judge-watermarks.ts'

const STATEMENT_TIMEOUT_MS = 10_000
/** Bound on one examination: a server that accepts and then freezes is a finding, not a doctor that hangs. */
const EXAMINATION_TIMEOUT_MS = 30_000

/** Looks at every store and returns all findings, in the order in which they are to be read. Whatever cannot be looked at is a finding, too. */
export async function examine(urls: StoreUrls, config: Config, context: LegContext): Promise<readonly Finding[]> {
  const postgres: PostgresStore = {
    name: 'postgres',
    url: urls.postgresUrl,
    connectTimeoutMs: config.stores.connectTimeoutMs,
    statementTimeoutMs: STATEMENT_TIMEOUT_MS,
  }
  const clickhouse = connectClickHouse({
    name: 'clickhouse',
    url: urls.clickhouseUrl,
    connectTimeoutMs: config.stores.connectTimeoutMs,
    statementTimeoutMs: STATEMENT_TIMEOUT_MS,
  })
  const needs = needsOf(config)
  try {
    const left = await attempt('postgres.reachable', 'RECON_POSTGRES_URL', context, within => examinePostgres(postgres, needs, within))
    // A server that does not answer would say so again for every stream.
    const epoch = left.answered ? await examineStreams(postgres, config, context) : { findings: [], sequences: {} }
    const right = await attempt('clickhouse.reachable', 'RECON_CLICKHOUSE_URL', context, within =>
      examineClickHouse(clickhouse, needs, config, epoch.sequences, within),
    )
    const state = await examineState(config, context)
    return [...judgeEnabled(config), ...left.findings, ...epoch.findings, ...right.findings, ...state]
  } finally {
    await clickhouse.close()
  }
}

function judgeEnabled({ checks }: Config): readonly Finding[] {
  if (Object.values(checks).some(({ enabled }) => enabled)) return []
  return [
    warn('checks.enabled', 'every check is disabled, so that nothing is needed of the stores', 'enable one under checks in recon.yaml'),
  ]
}

async function examinePostgres(store: PostgresStore, { postgres }: Needs, context: LegContext): Promise<readonly Finding[]> {
  const tables = postgres.map(({ mapped }) => mapped)
  const facts = await inspectPostgres(store, tables, context)
  const clock = judgeClock('postgres', await measurePostgresClock(store, context))
  const role = facts.standby ? 'a standby' : 'a primary'
  return [ok('postgres.reachable', `PostgreSQL answers as ${facts.role}; it is ${role}`), ...judgePostgres(facts, postgres), clock]
}

/** Tries the SQL of each stream by itself, so that one that does not work hides no other. */
async function examineStreams(store: PostgresStore, { streams }: Config, context: LegContext) {
  const findings: Finding[] = []
  const sequences: Record<string, bigint> = {}
  for (const [stream, sql] of Object.entries(streams)) {
    const id = `postgres.streams.${stream}`
    const { findings: found } = await attempt(id, `streams.${stream}`, context, async within => {
      const sequence = parseSequence(await inspectStream(store, sql, within), `what the SQL of stream ${stream} selects`)
      sequences[stream] = sequence
      return [ok(id, `stream ${stream} stands at ${sequence}`)]
    })
    findings.push(...found)
  }
  return { findings, sequences }
}

async function examineClickHouse(
  connection: ClickHouseConnection,
  needs: Needs,
  config: Config,
  epoch: Readonly<Record<string, bigint>>,
  context: LegContext,
): Promise<readonly Finding[]> {
  const growing = [...needs.histories, ...(needs.watermarks ? [needs.watermarks] : [])]
  const tables = growing.map(({ mapped: { schema, name } }) => ({ database: schema, name }))
  const facts = await inspectClickHouse(connection, tables, context)
  const clock = judgeClock('clickhouse', await measureClickHouseClock(connection, context))
  const watermarks = needs.watermarks && facts.tables[needs.histories.length]
  const standings = watermarks === undefined ? [] : await examineWatermarks(connection, needs, config, watermarks, epoch, context)
  return [
    ok('clickhouse.reachable', `ClickHouse answers as ${facts.user}, database ${connection.database}`),
    ...judgeClickHouse(facts, needs),
    ...standings,
    clock,
  ]
}

/** Looks how far the sink vouches for each history that a check waits for, each by itself. */
async function examineWatermarks(
  connection: ClickHouseConnection,
  { histories }: Needs,
  { tables }: Config,
  { columns }: InspectedTable,
  epoch: Readonly<Record<string, bigint>>,
  context: LegContext,
): Promise<readonly Finding[]> {
  const writtenAt = columns.has('written_at') ? 'written_at' : undefined
  const findings: Finding[] = []
  for (const { name, streams, watermarkTimeoutMs } of histories) {
    const horizon = horizonOf({ horizon: { strategy: 'watermark' }, tables }, name)
    if (watermarkTimeoutMs === undefined || horizon.strategy !== 'watermark') continue
    const { findings: found } = await attempt(
      `clickhouse.watermarks.${name}`,
      'tables.clickhouse.sink_watermarks',
      context,
      async within => {
        const standings = await inspectWatermarks(connection, horizon.watermarks, writtenAt, name, within)
        const needed = Object.fromEntries(Object.entries(epoch).filter(([stream]) => streams.includes(stream)))
        return judgeWatermarks(name, needed, standings, watermarkTimeoutMs)
      },
    )
    findings.push(...found)
  }
  return findings
}

async function examineState({ stores: { stateUrl, connectTimeoutMs } }: Config, context: LegContext): Promise<readonly Finding[]> {
  const id = 'state.reachable'
  if (stateUrl === undefined) {
    return [
      warn(id, "recon's own database is not configured: runs are not recorded, and epoch-regression is not judged", 'set RECON_STATE_URL'),
    ]
  }
  const { findings } = await attempt(id, 'RECON_STATE_URL', context, async ({ signal }) => {
    const state = await openConfiguredState(stateUrl, connectTimeoutMs, signal)
    try {
      await state.highestEpochs(signal)
      return [ok(id, "recon's own database answers and is migrated to this version")]
    } finally {
      await state.close()
    }
  })
  return findings
}

/** What could not be looked at fails under `id`; `setting` is where the remedy begins. */
async function attempt(
  id: string,
  setting: string,
  { signal, clock }: LegContext,
  work: (context: LegContext) => Promise<readonly Finding[]>,
): Promise<{ readonly answered: boolean; readonly findings: readonly Finding[] }> {
  try {
    return {
      answered: true,
      findings: await withDeadline(id, EXAMINATION_TIMEOUT_MS, clock, signal, within => work({ clock, signal: within })),
    }
  } catch (error) {
    if (signal.aborted || !(error instanceof ReconError)) throw error
    return { answered: false, findings: [fail(id, error.message, remedyFor(error, setting))] }
  }
}

function remedyFor(error: ReconError, setting: string): string {
  if (!(error instanceof StoreError)) return `see ${setting}`
  switch (error.reasonCode) {
    case 'store-unreachable':
      return `see that the server runs, and that host, port, user, password and database of ${setting} are right`
    case 'permission-denied':
      return `grant the user of ${setting} select; on ClickHouse readonly = 2, since readonly = 1 lets no query set what keeps it from being cut short`
    default:
      return `see what the store says, and ${setting}`
  }
}
