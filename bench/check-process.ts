import { randomUUID } from 'node:crypto'
import { REFERENCE_STREAMS, REFERENCE_TABLES } from '../checks/reference-model.ts'
import { runRelation } from '../checks/run-relation.ts'
import { transactionsBalance } from '../checks/transactions-balance.ts'
import { connectClickHouse } from '../stores/clickhouse/connection.ts'
import { systemClock } from '../stores/system-clock.ts'

// One check in a process of its own, so that its memory is its own: prints the run and the greatest resident size.
const [postgresUrl = '', clickhouseUrl = ''] = process.argv.slice(2)
const clickhouse = connectClickHouse({ name: 'clickhouse', url: clickhouseUrl, connectTimeoutMs: 5_000, statementTimeoutMs: 300_000 })
const relation = transactionsBalance({
  postgres: { name: 'postgres', url: postgresUrl, connectTimeoutMs: 10_000, statementTimeoutMs: 300_000 },
  clickhouse,
  streams: REFERENCE_STREAMS,
  tables: REFERENCE_TABLES,
  horizon: { strategy: 'watermark' },
  memoryBytesMax: 64 << 20,
})
const run = await runRelation(relation, {
  runId: randomUUID(),
  clock: systemClock,
  signal: new AbortController().signal,
  timeoutMs: 300_000,
  captureTimeoutMs: 10_000,
  horizonTimeoutMs: 30_000,
  maxMismatches: 100,
})
await clickhouse.close()
process.stdout.write(`${JSON.stringify({ run, peakBytes: process.resourceUsage().maxRSS * 1024 })}\n`)
