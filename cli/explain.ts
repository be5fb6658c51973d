import { withDeadline } from '../checks/deadline.ts'
import { explainRun } from '../checks/explain/explain-run.ts'
import { FEE_ACCOUNT } from '../checks/explain/fee-account.ts'
import { type RecordedRun, readRecordedRun } from '../checks/explain/recorded-run.ts'
import { ReconError } from '../epoch/recon-error.ts'
import { connectClickHouse } from '../stores/clickhouse/connection.ts'
import { historyFacts } from '../stores/clickhouse/history-facts.ts'
import { openLogFacts } from '../stores/postgres/log-facts.ts'
import type { State } from '../stores/state/state.ts'
import { requireStoreUrls } from './check/store-urls.ts'
import type { Config } from './config/config.ts'
import { EXIT } from './exit-status.ts'
import { formatExplanation } from './explain-format.ts'
import { type Io, printLine } from './io.ts'
import { escapeName } from './terminal/escape.ts'
import { withState } from './with-state.ts'

/** What `recon explain` was asked for. */
export interface ExplainOptions {
  /** The ID of a run, or the beginning of one. */
  readonly run: string
  /** Facts listed for each key. */
  readonly limit: number
  readonly json: boolean
}

const KEYS_MAX = 20
/** More facts than this are not read for one key, and it is said so. */
const FACTS_MAX = 1_000_000
/** How many rows a question about single facts may be answered with. */
const ROWS_MAX = 20_000
/** For a check that has no configuration of its own any more. */
const TIMEOUT_MS = 60_000
const NAMED_MAX = 5

/** `recon explain`: takes the difference of a recorded run down to facts, as a text or as one recon.explain/1 document. */
export async function explainCommand({ run: wanted, limit, json }: ExplainOptions, config: Config, io: Io): Promise<number> {
  const run = await withState(config, io.signal, state => loadRun(state, wanted, io.signal))
  const timeoutMs = config.checks[run.check]?.timeoutMs ?? TIMEOUT_MS
  const explanation = await withDeadline('explain', timeoutMs, io.clock, io.signal, async signal => {
    const releases: (() => Promise<void>)[] = []
    const connect = async () => {
      const urls = requireStoreUrls(config)
      const bounds = { connectTimeoutMs: config.stores.connectTimeoutMs, statementTimeoutMs: timeoutMs }
      const context = { signal, clock: io.clock }
      const clickhouse = connectClickHouse({ name: 'clickhouse', url: urls.clickhouseUrl, ...bounds })
      releases.push(() => clickhouse.close())
      const options = { tables: config.tables.postgres, feeAccount: FEE_ACCOUNT, totalTimeoutMs: timeoutMs }
      const log = await openLogFacts({ name: 'postgres', url: urls.postgresUrl, ...bounds }, options, context)
      releases.push(() => log.close())
      return { log, history: historyFacts(clickhouse, { tables: config.tables.clickhouse, rowsMax: ROWS_MAX }, context) }
    }
    try {
      return await explainRun(run, connect, { keysMax: KEYS_MAX, limit, factsMax: FACTS_MAX })
    } finally {
      for (const release of releases.reverse()) await release()
    }
  })
  if (json) printLine(io, JSON.stringify(explanation))
  else io.stdout.write(formatExplanation(explanation, io.color))
  return EXIT.ok
}

/** The run with this ID, or the only one whose ID begins so. Throws `ReconError`: `unknown-run`, `ambiguous-run`. */
async function loadRun(state: State, wanted: string, signal: AbortSignal): Promise<RecordedRun> {
  const exact = wanted === '' ? undefined : await state.getRun(wanted, signal)
  if (exact) return readRecordedRun(exact.document)
  const found = wanted === '' ? [] : await state.findRunIds(wanted, NAMED_MAX, signal)
  const [only, ...others] = found
  if (only === undefined) {
    throw new ReconError('unknown-run', `no run is recorded whose ID is ${escapeName(wanted)} or begins so; recon history lists them`)
  }
  if (others.length > 0) {
    const some = found.map(escapeName).join(', ')
    throw new ReconError('ambiguous-run', `several runs begin with ${escapeName(wanted)} (${some}); write more of the one that is meant`)
  }
  const record = await state.getRun(only, signal)
  if (!record) throw new ReconError('unknown-run', `run ${escapeName(only)} is not recorded any more`)
  return readRecordedRun(record.document)
}
