import { randomBytes } from 'node:crypto'
import { BUILTIN_CHECKS, type BuiltinCheckName } from '../../checks/builtin.ts'
import type { Run } from '../../checks/run.ts'
import { runCheck as runOnce } from '../../checks/run-check.ts'
import type { Epoch } from '../../epoch/epoch.ts'
import { ReconError } from '../../epoch/recon-error.ts'
import { connectClickHouse } from '../../stores/clickhouse/connection.ts'
import type { Config } from '../config/config.ts'
import type { Io } from '../io.ts'
import { runIdAt } from '../run-id.ts'
import type { StoreUrls } from './store-urls.ts'

/** What a captured leg may hold in memory before it goes on in a temporary file. */
const MEMORY_BYTES_MAX = 64 * 1024 * 1024

/** Runs one check of the configured stores, with its own timeouts, and closes what it opened. */
export async function runCheck(
  name: BuiltinCheckName,
  urls: StoreUrls,
  config: Config,
  seenBefore: Epoch | undefined,
  { clock, signal }: Pick<Io, 'clock' | 'signal'>,
): Promise<Run> {
  const configured = config.checks[name]
  if (!configured) throw new ReconError('unknown-check', `check ${name} has no configuration`)
  const { horizon, timeoutMs, maxMismatches } = configured
  const clickhouse = connectClickHouse({
    name: 'clickhouse',
    url: urls.clickhouseUrl,
    connectTimeoutMs: config.stores.connectTimeoutMs,
    statementTimeoutMs: timeoutMs,
  })
  try {
    const check = BUILTIN_CHECKS[name]({
      postgres: {
        name: 'postgres',
        url: urls.postgresUrl,
        connectTimeoutMs: config.stores.connectTimeoutMs,
        statementTimeoutMs: timeoutMs,
      },
      clickhouse,
      streams: config.streams,
      tables: config.tables,
      horizon: horizon.strategy === 'settle' ? { strategy: 'settle', settleMs: horizon.settleMs } : { strategy: 'watermark' },
      memoryBytesMax: MEMORY_BYTES_MAX,
    })
    return await runOnce(check, {
      runId: runIdAt(clock.wallMs(), randomBytes(10)),
      clock,
      signal,
      timeoutMs,
      captureTimeoutMs: config.capture.tornCutTimeoutMs,
      horizonTimeoutMs: horizon.timeoutMs,
      maxMismatches,
      ...(seenBefore ? { seenBefore } : {}),
    })
  } finally {
    await clickhouse.close()
  }
}
