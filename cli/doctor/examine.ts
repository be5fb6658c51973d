import { horizonOf } from '../../checks/check-sources.ts'
import { withDeadline } from '../../checks/deadline.ts'
import { parseSequence } from '../../epoch/epoch.ts'
import type { LegContext } from '../../epoch/leg.ts'
import { ReconError } from '../../epoch/recon-error.ts'
import { StoreError } from '../../epoch/store-error.ts'
import { type ClickHouseConnection, connectClickHouse } from '../../stores/clickhouse/connection.ts'
import { inspectClickHouse, inspectWatermarks, measureClickHouseClock } from '../../stores/clickhouse/inspect.ts'
import { inspectPostgres, inspectStream, measurePostgresClock } from '../../stores/postgres/inspect.ts'
import type { PostgresStore } from '../../stores/postgres/postgres-store.ts'
import type { StoreUrls } from '../check/store-urls.ts'
import type { Config } from '../config/config.ts'
import { openConfiguredState } from '../with-state.ts'
import { type Finding, fail, ok, warn } from './finding.ts'
import { judgeClickHouse } from './judge-clickhouse.ts'
import { judgeClock } from './judge-clock.ts'
import { judgePostgres } from './judge-postgres.ts'
import { judgeWatermarks } from './judge-watermarks.ts'

const STATEMENT_TIMEOUT_MS = 10_000
/** Bound on one examination: a server that accepts and then freezes is a finding, not a doctor that hangs. */
const EXAMINATION_TIMEOUT_MS = 30_000
const TRANSACTIONS = 'transactions'

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
  try {
    const left = await attempt('postgres.reachable', 'RECON_POSTGRES_URL', context, within => examinePostgres(postgres, config, within))
    // A server that does not answer would say so again for every stream.
    const epoch = left.answered ? await examineStreams(postgres, config, context) : { findings: [], sequences: {} }
    const right = await attempt('clickhouse.reachable', 'RECON_CLICKHOUSE_URL', context, within =>
      examineClickHouse(clickhouse, config, epoch.sequences, within),
    )
    const state = await examineState(config, context)
    return [...left.findings, ...epoch.findings, ...right.findings, ...state]
  } finally {
    await clickhouse.close()
  }
}

async function examinePostgres(store: PostgresStore, config: Config, context: LegContext): Promise<readonly Finding[]> {
  const facts = await inspectPostgres(store, [config.tables.postgres.balances], context)
  const clock = judgeClock('postgres', await measurePostgresClock(store, context))
  const role = facts.standby ? 'a standby' : 'a primary'
  return [ok('postgres.reachable', `PostgreSQL answers as ${facts.role}; it is ${role}`), ...judgePostgres(facts, config), clock]
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
  config: Config,
  epoch: Readonly<Record<string, bigint>>,
  context: LegContext,
): Promise<readonly Finding[]> {
  const { transactions, sink_watermarks } = config.tables.clickhouse
  const names = [transactions, sink_watermarks].map(({ schema, name }) => ({ database: schema, name }))
  const facts = await inspectClickHouse(connection, names, context)
  const clock = judgeClock('clickhouse', await measureClickHouseClock(connection, context))
  const writtenAt = facts.tables[1]?.columns.has('written_at') ? 'written_at' : undefined
  const watermarks = await attempt('clickhouse.watermarks', 'tables.clickhouse.sink_watermarks', context, async within => {
    const horizon = horizonOf({ horizon: { strategy: 'watermark' }, tables: config.tables }, TRANSACTIONS)
    if (horizon.strategy !== 'watermark' || facts.tables[1] === undefined) return []
    const standings = await inspectWatermarks(connection, horizon.watermarks, writtenAt, TRANSACTIONS, within)
    return judgeWatermarks(TRANSACTIONS, epoch, standings, config.horizon.timeoutMs)
  })
  return [
    ok('clickhouse.reachable', `ClickHouse answers as ${facts.user}, database ${connection.database}`),
    ...judgeClickHouse(facts, config),
    ...watermarks.findings,
    clock,
  ]
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
