import type { LegContext } from '../../epoch/leg.ts'
import type { SealedHistory } from '../../stores/checkpoints/ledger.ts'
import { connectClickHouse } from '../../stores/clickhouse/connection.ts'
import { isSameServer } from '../../stores/clickhouse/same-server.ts'
import type { Config } from '../config/config.ts'
import { formatDuration } from '../config/duration.ts'
import { openConfiguredState } from '../with-state.ts'
import { attempt } from './attempt.ts'
import { type Finding, ok, warn } from './finding.ts'

const STATEMENT_TIMEOUT_MS = 10_000

/** Looks at recon's own databases: whether they answer, where checkpoints are kept, and whether what lies under them was audited within its period. */
export async function examineState(config: Config, context: LegContext): Promise<readonly Finding[]> {
  const { stateUrl, connectTimeoutMs } = config.stores
  const id = 'state.reachable'
  if (stateUrl === undefined) {
    return [
      warn(
        id,
        "recon's own database is not configured: runs are not recorded, epoch-regression is not judged, and every run reads all history",
        'set RECON_STATE_URL',
      ),
    ]
  }
  const { findings } = await attempt(id, 'RECON_STATE_URL', context, async ({ signal }) => {
    const state = await openConfiguredState(stateUrl, connectTimeoutMs, signal)
    try {
      await state.highestEpochs(signal)
      const histories = await state.checkpoints.histories(signal)
      const now = context.clock.wallMs()
      return [
        ok(id, "recon's own database answers and is migrated to this version"),
        ...histories.map(each => judgeAudit(each, config, now)),
      ]
    } finally {
      await state.close()
    }
  })
  return [...findings, ...(await examineWorkshop(config, context))]
}

function judgeAudit({ title, segments, auditedAt }: SealedHistory, { audit }: Config, nowMs: number): Finding {
  const id = `audit.${title}`
  if (auditedAt === null) return ok(id, `nothing of ${title} is under a checkpoint yet`)
  const ageMs = Math.max(0, nowMs - Date.parse(auditedAt))
  const what = `the oldest of the ${segments} segments of ${title} that checkpoints stand on was audited ${formatDuration(Math.round(ageMs / 1_000) * 1_000)} ago`
  const period = formatDuration(audit.periodMs)
  if (ageMs <= audit.periodMs) return ok(id, `${what}, within audit.period (${period})`)
  return warn(
    id,
    `${what}, which is longer than audit.period (${period}): a row rewritten since then has not been seen`,
    'run recon audit more often, or with a greater --budget; what it costs is in the durations of its runs (recon history --check history-audit)',
  )
}

async function examineWorkshop({ stores }: Config, context: LegContext): Promise<readonly Finding[]> {
  const { clickhouseUrl, clickhouseStateUrl, connectTimeoutMs } = stores
  if (clickhouseUrl === undefined || clickhouseStateUrl === undefined) return []
  const id = 'clickhouse-state.reachable'
  const { findings } = await attempt(id, 'RECON_CLICKHOUSE_STATE_URL', context, async within => {
    const limits = { connectTimeoutMs, statementTimeoutMs: STATEMENT_TIMEOUT_MS }
    const workshop = connectClickHouse({ name: 'clickhouse-state', url: clickhouseStateUrl, ...limits })
    const clickhouse = connectClickHouse({ name: 'clickhouse', url: clickhouseUrl, ...limits })
    try {
      if (await isSameServer(workshop, clickhouse, within))
        return [ok(id, `checkpoints are computed and kept in database ${workshop.database}`)]
      return [
        warn(
          id,
          "it is another server than RECON_CLICKHOUSE_URL, so that checkpoints are kept in recon's PostgreSQL",
          "name a database of recon's own on the server that holds the history",
        ),
      ]
    } finally {
      await Promise.all([workshop.close(), clickhouse.close()])
    }
  })
  return findings
}
