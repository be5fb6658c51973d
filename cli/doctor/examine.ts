import type { LegContext } from '../../epoch/leg.ts'
import { connectClickHouse } from '../../stores/clickhouse/connection.ts'
import type { PostgresStore } from '../../stores/postgres/postgres-store.ts'
import type { StoreUrls } from '../check/store-urls.ts'
import type { Config } from '../config/config.ts'
import { attempt } from './attempt.ts'
import { needsOf } from './check-needs.ts'
import { examineClickHouse } from './examine-clickhouse.ts'
import { examineCustodian } from './examine-custodian.ts'
import { examinePostgres, examineStreams } from './examine-postgres.ts'
import { examineRelations } from './examine-relations.ts'
import { examineState } from './examine-state.ts'
import { type Finding, warn } from './finding.ts'

const STATEMENT_TIMEOUT_MS = 10_000

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
    const relations = left.answered && right.answered ? await examineRelations({ postgres, clickhouse }, config, context) : []
    const custodian = await examineCustodian(config, context)
    const state = await examineState(config, context)
    return [...judgeEnabled(config), ...left.findings, ...epoch.findings, ...right.findings, ...relations, ...custodian, ...state]
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
