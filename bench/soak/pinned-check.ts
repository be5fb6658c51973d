import { randomUUID } from 'node:crypto'
import { REFERENCE_STREAMS, REFERENCE_TABLES } from '../../checks/reference-model.ts'
import type { Run } from '../../checks/run.ts'
import { runRelation } from '../../checks/run-relation.ts'
import { transactionsBalance } from '../../checks/transactions-balance.ts'
import { type Epoch, epochFromJson, join } from '../../epoch/epoch.ts'
import type { StoreUrls } from '../../sim/sandbox/stores.ts'
import { connectClickHouse } from '../../stores/clickhouse/connection.ts'
import { systemClock } from '../../stores/system-clock.ts'
import { observeCaptures } from './observed-relation.ts'
import { onOneThread } from './one-thread.ts'

/** transactions-balance on the stores of a soak, with the bounds that a deployment has by default. */
export interface PinnedCheck {
  /** Runs it once; `captured` hears of each capture's epoch at once. */
  readonly run: (captured: (epoch: Epoch) => void) => Promise<Run>
  readonly close: () => Promise<void>
}

const TIMEOUT_MS = 60_000
/** Connects the check. Each run knows the epochs of the runs that had finished when it began, as with recon's own database. */
export function openPinnedCheck(urls: StoreUrls, signal: AbortSignal): PinnedCheck {
  const clickhouse = connectClickHouse({
    name: 'clickhouse',
    url: onOneThread(urls.clickhouseUrl),
    connectTimeoutMs: 10_000,
    statementTimeoutMs: TIMEOUT_MS,
  })
  const relation = transactionsBalance({
    postgres: { name: 'postgres', url: urls.postgresUrl, connectTimeoutMs: 10_000, statementTimeoutMs: TIMEOUT_MS },
    clickhouse,
    streams: REFERENCE_STREAMS,
    tables: REFERENCE_TABLES,
    horizon: { strategy: 'watermark' },
    memoryBytesMax: 64 << 20,
  })
  let seen: Epoch = {}
  return {
    run: async captured => {
      const run = await runRelation(observeCaptures(relation, captured), {
        runId: randomUUID(),
        clock: systemClock,
        signal,
        timeoutMs: TIMEOUT_MS,
        captureTimeoutMs: 10_000,
        horizonTimeoutMs: 30_000,
        maxMismatches: 100,
        seenBefore: seen,
      })
      if (run.epoch !== null) seen = join(seen, epochFromJson(run.epoch))
      return run
    },
    close: () => clickhouse.close(),
  }
}
