import type { CheckpointLedger } from '../checkpoints/ledger.ts'
import { type EpochAcceptance, insertAcceptance, type SeenEpoch, selectSeenEpoch } from './epochs.ts'
import { openLedger } from './ledger.ts'
import { migrateState } from './migrate.ts'
import { openPool, type StatePool, type StateTimeouts } from './pool.ts'
import type { HistoryQuery, RecordableRun, RunRecord } from './run-record.ts'
import { insertRun, selectRun, selectRunIds, selectRuns } from './runs.ts'
import { type SettledHistory, settledHistory } from './settled-history.ts'

/**
 * Recon's own database: finished runs with their evidence, and the epochs that were accepted; append-only. Every method rejects with
 * `StoreError` when the database cannot answer and with the signal's reason once that has aborted.
 */
export interface State {
  /** Records a finished run; false when it had been recorded already. `era` comes from `highestEpochs`, called before the run's capture. */
  recordRun(run: RecordableRun, era: bigint | undefined, signal: AbortSignal): Promise<boolean>
  /** Recorded runs, newest first. */
  history(query: HistoryQuery, signal: AbortSignal): Promise<readonly RunRecord[]>
  /** One recorded run; undefined when there is none with this ID. */
  getRun(runId: string, signal: AbortSignal): Promise<RunRecord | undefined>
  /** The IDs of the recorded runs that begin with a text, newest first. */
  findRunIds(prefix: string, limit: number, signal: AbortSignal): Promise<readonly string[]>
  /** The greatest sequence per stream that any run recorded since the last acceptance has captured. */
  highestEpochs(signal: AbortSignal): Promise<SeenEpoch>
  /** Acknowledges that a store went back: what was seen so far no longer binds. */
  acceptEpoch(reason: string, signal: AbortSignal): Promise<EpochAcceptance>
  /** What is remembered of a custodian; `custodian` is the digest of who it is and on which terms it is asked. */
  settledHistory(custodian: string): SettledHistory
  /** What was verified and need not be read again with every run. */
  readonly checkpoints: CheckpointLedger
  /** Ends the connections; safe to call twice. */
  close(): Promise<void>
}

/** Bounds for `openState`: migrating may have to wait for another instance that is doing the same. */
export interface StateOptions extends StateTimeouts {
  readonly migrateTimeoutMs: number
  readonly signal: AbortSignal
}

/**
 * Connects to recon's own database and migrates it to this version. Rejects with `StoreError` when it cannot be reached, and with
 * `ReconError` code `state-newer` when a newer recon-engine has migrated it.
 */
export async function openState(url: string, options: StateOptions): Promise<State> {
  await migrate(url, options)
  const pool = openPool(url, options)
  return {
    recordRun: (run, era, signal) => pool.use(signal, client => insertRun(client, run, era)),
    history: (query, signal) => pool.use(signal, client => selectRuns(client, query)),
    getRun: (runId, signal) => pool.use(signal, client => selectRun(client, runId)),
    findRunIds: (prefix, limit, signal) => pool.use(signal, client => selectRunIds(client, prefix, limit)),
    highestEpochs: signal => pool.use(signal, selectSeenEpoch),
    acceptEpoch: (reason, signal) => pool.use(signal, client => insertAcceptance(client, reason)),
    settledHistory: custodian => settledHistory(pool, custodian),
    checkpoints: openLedger(pool),
    close: () => pool.close(),
  }
}

/** On a connection with a bound of its own, since a second migrator waits here for the first. */
async function migrate(url: string, { connectTimeoutMs, migrateTimeoutMs, signal }: StateOptions): Promise<void> {
  const pool: StatePool = openPool(url, { connectTimeoutMs, statementTimeoutMs: migrateTimeoutMs })
  try {
    await pool.use(signal, migrateState)
  } finally {
    await pool.close()
  }
}
