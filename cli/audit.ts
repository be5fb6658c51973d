import { randomBytes } from 'node:crypto'
import { historyAudit } from '../checks/audit/history-audit.ts'
import type { Run } from '../checks/run.ts'
import { runCheck } from '../checks/run-check.ts'
import { connectClickHouse } from '../stores/clickhouse/connection.ts'
import type { State } from '../stores/state/state.ts'
import { formatRun } from './check/format-run.ts'
import { requireStoreUrls } from './check/store-urls.ts'
import type { Config } from './config/config.ts'
import { exitStatusOf } from './exit-status.ts'
import { type Io, printLine, say } from './io.ts'
import { runIdAt } from './run-id.ts'
import { escapeLines } from './terminal/escape.ts'
import { withState } from './with-state.ts'

/** What `recon audit` was asked for. */
export interface AuditCommandOptions {
  /** How long it may look, in milliseconds; undefined: until it has looked at everything. */
  readonly budgetMs: number | undefined
  readonly json: boolean
}

// Looking at everything takes as long as the history is; a statement of it does not.
const STATEMENT_TIMEOUT_MS = 60_000
const WHOLE_TIMEOUT_MS = 24 * 60 * 60_000
const PROGRESS_EVERY_MS = 5_000
const RECORD_TIMEOUT_MS = 10_000

/** `recon audit`: reads the history under the checkpoints again and says whether it is what was verified. Records the run. Resolves to 0, 10 or 11. */
export async function auditCommand({ budgetMs, json }: AuditCommandOptions, config: Config, io: Io): Promise<number> {
  const urls = requireStoreUrls(config)
  const { connectTimeoutMs } = config.stores
  return withState(config, io.signal, async state => {
    const store = { connectTimeoutMs, statementTimeoutMs: STATEMENT_TIMEOUT_MS }
    const clickhouse = connectClickHouse({ name: 'clickhouse', url: urls.clickhouseUrl, ...store })
    try {
      const sources = {
        postgres: { name: 'postgres', url: urls.postgresUrl, ...store },
        clickhouse,
        streams: config.streams,
        tables: config.tables,
        horizon: { strategy: 'watermark' as const },
        memoryBytesMax: 0,
      }
      const run = await runCheck(historyAudit(sources, state.checkpoints, { budgetMs, progress: sayProgress(io) }), {
        runId: runIdAt(io.clock.wallMs(), randomBytes(10)),
        clock: io.clock,
        signal: io.signal,
        timeoutMs: (budgetMs ?? WHOLE_TIMEOUT_MS) + STATEMENT_TIMEOUT_MS,
        captureTimeoutMs: 0,
        horizonTimeoutMs: 0,
        maxMismatches: 100,
      })
      printLine(io, json ? JSON.stringify(run) : formatRun(run, io.color))
      await record(state, run, io)
      return exitStatusOf([run.verdict])
    } finally {
      await clickhouse.close()
    }
  })
}

/** A verdict that was printed stands, whether it can be recorded or not. */
async function record(state: State, run: Run, io: Io): Promise<void> {
  try {
    await state.recordRun(run, undefined, AbortSignal.timeout(RECORD_TIMEOUT_MS))
  } catch (error) {
    if (!(error instanceof Error)) throw error
    say(io, `warning: run ${run.runId} was not recorded: ${escapeLines(error.message)}`)
  }
}

function sayProgress(io: Io) {
  let saidMs = io.clock.monotonicMs()
  return (done: bigint, all: bigint) => {
    if (io.clock.monotonicMs() - saidMs < PROGRESS_EVERY_MS) return
    saidMs = io.clock.monotonicMs()
    say(io, `${done} of ${all} segments`)
  }
}
