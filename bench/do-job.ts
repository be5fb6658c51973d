import { randomUUID } from 'node:crypto'
import { advanceCheckpoints } from '../checks/advance.ts'
import { historyAudit } from '../checks/audit/history-audit.ts'
import { BUILTIN_CHECKS, CUSTODY_CHECKS } from '../checks/builtin.ts'
import type { Check } from '../checks/check.ts'
import type { CheckSources } from '../checks/check-sources.ts'
import { custodianDigest } from '../checks/omnibus/custody-source.ts'
import { REFERENCE_STREAMS, REFERENCE_TABLES } from '../checks/reference-model.ts'
import { runCheck } from '../checks/run-check.ts'
import { DEFAULT_CHECKPOINT_POLICY } from '../stores/checkpoints/checkpoint.ts'
import { checkpointsBy } from '../stores/clickhouse/checkpoints.ts'
import { type ClickHouseConnection, connectClickHouse } from '../stores/clickhouse/connection.ts'
import { anchorageCustodian } from '../stores/custodian/anchorage.ts'
import { openState, type State } from '../stores/state/state.ts'
import { systemClock } from '../stores/system-clock.ts'
import type { CheckJob, JobResult, JobStores, JobSubject } from './check-job.ts'

const STATEMENT_TIMEOUT_MS = 900_000
const TERMS = { opening: {}, classification: {}, inFlightLimitMs: 3_600_000 }
const signal = new AbortController().signal
const context = { clock: systemClock, signal }

/** Does a job in this process, with everything that it opens closed again. */
export async function doJob({ subject, stores, keep }: CheckJob): Promise<Omit<JobResult, 'peakBytes'>> {
  const closing: (() => Promise<unknown>)[] = []
  try {
    const state = stores.stateUrl === undefined ? undefined : await openRecon(stores.stateUrl)
    if (state) closing.push(() => state.close())
    const sources = await openSources(stores, state, closing)
    const check = subject === 'history-audit' ? auditOf(sources, state) : openCheck(subject, sources, stores, state, closing)
    return keep ? await runAndKeep(check, sources, state) : await runOnce(check, sources)
  } finally {
    for (const close of closing.reverse()) await close()
  }
}

/** Opens recon's own database. */
export function openRecon(url: string): Promise<State> {
  return openState(url, { connectTimeoutMs: 10_000, statementTimeoutMs: STATEMENT_TIMEOUT_MS, migrateTimeoutMs: 60_000, signal })
}

/** What recon's own database remembers of the custodian of these stores. */
export function custodianMemory(state: State, { url, vaults }: NonNullable<JobStores['custodian']>) {
  return state.settledHistory(custodianDigest(url, vaults, TERMS))
}

async function runOnce(check: Check, { clickhouse }: CheckSources) {
  const rowsBefore = await rowsReadSoFar(clickhouse)
  const run = await runCheck(check, {
    runId: randomUUID(),
    ...context,
    timeoutMs: STATEMENT_TIMEOUT_MS,
    captureTimeoutMs: 10_000,
    horizonTimeoutMs: 30_000,
    maxMismatches: 100,
  })
  return { run, wallMs: Math.round(run.durationMs.total), rowsRead: (await rowsReadSoFar(clickhouse)) - rowsBefore }
}

async function rowsReadSoFar(clickhouse: ClickHouseConnection): Promise<number> {
  const [row] = await clickhouse.rows(`select value from system.events where event = 'SelectedRows'`, {}, context)
  return Number(row?.['value'] ?? 0)
}

async function runAndKeep(check: Check, sources: CheckSources, state: State | undefined) {
  if (!state) throw new Error('there is nowhere to keep what was verified')
  const { era } = await state.highestEpochs(signal)
  const done = await runOnce(check, sources)
  const startedMs = performance.now()
  const words = await advanceCheckpoints(check, done.run, { era, always: true }, context)
  return { ...done, kept: { words, ms: Math.round(performance.now() - startedMs) } }
}

async function openSources(stores: JobStores, state: State | undefined, closing: (() => Promise<unknown>)[]): Promise<CheckSources> {
  const connect = (name: string, url: string) => {
    const connection = connectClickHouse({ name, url, connectTimeoutMs: 10_000, statementTimeoutMs: STATEMENT_TIMEOUT_MS })
    closing.push(() => connection.close())
    return connection
  }
  const workshop =
    stores.clickhouseStateUrl === undefined || !state
      ? undefined
      : {
          connection: connect('clickhouse-state', stores.clickhouseStateUrl),
          ledger: await state.checkpoints.identity(AbortSignal.timeout(10_000)),
        }
  const couldNot = (error: Error) => {
    throw error
  }
  return {
    postgres: { name: 'postgres', url: stores.postgresUrl, connectTimeoutMs: 10_000, statementTimeoutMs: STATEMENT_TIMEOUT_MS },
    clickhouse: connect('clickhouse', stores.clickhouseUrl),
    streams: REFERENCE_STREAMS,
    tables: REFERENCE_TABLES,
    horizon: { strategy: 'watermark' },
    ...(state ? { checkpoints: checkpointsBy(state.checkpoints, DEFAULT_CHECKPOINT_POLICY, workshop, couldNot) } : {}),
    memoryBytesMax: 64 << 20,
  }
}

function openCheck(
  subject: Exclude<JobSubject, 'history-audit'>,
  sources: CheckSources,
  stores: JobStores,
  state: State | undefined,
  closing: (() => Promise<unknown>)[],
): Check {
  if (subject !== 'omnibus-balances-square') return BUILTIN_CHECKS[subject](sources)
  if (!stores.custodian) throw new Error('there is no custodian to ask')
  const custodian = anchorageCustodian({ name: 'custodian', ...stores.custodian, requestTimeoutMs: 10_000 })
  closing.push(() => custodian.close())
  const memory = state ? { memory: custodianMemory(state, stores.custodian) } : {}
  return CUSTODY_CHECKS[subject](sources, { custodian, terms: TERMS, inconsistentLimitMs: 900_000, ...memory })
}

function auditOf(sources: CheckSources, state: State | undefined): Check {
  if (!state) throw new Error('nothing is sealed without a database of recon')
  return historyAudit(sources, state.checkpoints, { budgetMs: undefined })
}
