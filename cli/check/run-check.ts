import { randomBytes } from 'node:crypto'
import { advanceCheckpoints } from '../../checks/advance.ts'
import type { Check } from '../../checks/check.ts'
import type { CheckSources } from '../../checks/check-sources.ts'
import type { Run } from '../../checks/run.ts'
import { runCheck as runOnce } from '../../checks/run-check.ts'
import { project } from '../../epoch/epoch.ts'
import { ReconError } from '../../epoch/recon-error.ts'
import { connectClickHouse } from '../../stores/clickhouse/connection.ts'
import type { SeenEpoch } from '../../stores/state/epochs.ts'
import type { State } from '../../stores/state/state.ts'
import type { CheckConfig, Config } from '../config/config.ts'
import { type Io, say } from '../io.ts'
import { runIdAt } from '../run-id.ts'
import { escapeLines } from '../terminal/escape.ts'
import { MAKING_TIMEOUT_MS, openCheckpoints } from './checkpoints.ts'
import { openCustody } from './custody.ts'
import { checkNamed, streamsOf } from './registry.ts'
import type { StoreUrls } from './store-urls.ts'

/** What a captured leg may hold in memory before it goes on in a temporary file. */
const MEMORY_BYTES_MAX = 64 * 1024 * 1024

/** What a run is given of recon's own database, and whom it tells. All of it may be left out. */
export interface RunSurroundings {
  /** How high the epochs have been, asked for before the run. */
  readonly seen?: SeenEpoch | undefined
  /** Where checkpoints are kept; without it every run reads everything. */
  readonly state?: State | undefined
  /** Makes checkpoints however little there is to save. */
  readonly alwaysKeep?: boolean
  /** Hears of the run as soon as its verdict stands, before what it verified is kept. */
  readonly ended?: (run: Run) => Promise<void>
}

type RunIo = Pick<Io, 'clock' | 'signal' | 'stderr'>

/** Runs one check of the configured stores, with its own timeouts, keeps what it verified, and closes what it opened. */
export function runCheck(name: string, urls: StoreUrls, config: Config, surroundings: RunSurroundings, io: RunIo): Promise<Run> {
  const { seen, state, ended, alwaysKeep = false } = surroundings
  const { clock, signal } = io
  return withCheck(name, urls, config, state, io, async (check, { horizon, timeoutMs, maxMismatches }) => {
    const run = await runOnce(check, {
      runId: runIdAt(clock.wallMs(), randomBytes(10)),
      clock,
      signal,
      timeoutMs,
      captureTimeoutMs: config.capture.tornCutTimeoutMs,
      horizonTimeoutMs: horizon.timeoutMs,
      maxMismatches,
      // A stream that this check does not read did not go back.
      ...(seen ? { seenBefore: project(seen.epoch, streamsOf(name, config)) } : {}),
    })
    await ended?.(run)
    if (state && seen) await keepVerified(check, run, { era: seen.era, always: alwaysKeep }, io)
    return run
  })
}

/** Throws away what was kept of the histories that a check reads, for whichever check; resolves to how many checkpoints. Rejects with `StoreError`. */
export function forgetVerified(name: string, urls: StoreUrls, config: Config, state: State, io: RunIo): Promise<bigint> {
  return withCheck(name, urls, config, state, io, async check => {
    let gone = 0n
    for (const leg of check.histories ?? []) gone += (await leg.forget?.({ clock: io.clock, signal: io.signal })) ?? 0n
    return gone
  })
}

async function withCheck<T>(
  name: string,
  urls: StoreUrls,
  config: Config,
  state: State | undefined,
  io: RunIo,
  work: (check: Check, configured: CheckConfig) => Promise<T>,
): Promise<T> {
  const configured = config.checks[name]
  if (!configured) throw new ReconError('unknown-check', `check ${name} has no configuration`)
  const { horizon, timeoutMs } = configured
  const { connectTimeoutMs } = config.stores
  const clickhouse = connectClickHouse({ name: 'clickhouse', url: urls.clickhouseUrl, connectTimeoutMs, statementTimeoutMs: timeoutMs })
  const checkpoints = state && (await openCheckpoints(state, clickhouse, config, io))
  const custody = openCustody(name, config, state)
  try {
    const sources: CheckSources = {
      postgres: { name: 'postgres', url: urls.postgresUrl, connectTimeoutMs, statementTimeoutMs: timeoutMs },
      clickhouse,
      streams: config.streams,
      tables: config.tables,
      horizon: horizon.strategy === 'settle' ? { strategy: 'settle', settleMs: horizon.settleMs } : { strategy: 'watermark' },
      ...(checkpoints ? { checkpoints: checkpoints.checkpoints } : {}),
      memoryBytesMax: MEMORY_BYTES_MAX,
    }
    return await work(checkNamed(name, config, sources, custody), configured)
  } finally {
    await custody?.custodian.close()
    await checkpoints?.close()
    await clickhouse.close()
  }
}

/** A checkpoint that cannot be made costs time and no verdict: the next run reads what this one read. */
async function keepVerified(
  check: Check,
  run: Run,
  options: Parameters<typeof advanceCheckpoints>[2],
  io: Pick<Io, 'clock' | 'signal' | 'stderr'>,
): Promise<void> {
  try {
    const signal = AbortSignal.any([io.signal, AbortSignal.timeout(MAKING_TIMEOUT_MS)])
    await advanceCheckpoints(check, run, options, { clock: io.clock, signal })
  } catch (error) {
    if (io.signal.aborted) throw io.signal.reason
    if (!(error instanceof ReconError || (error instanceof DOMException && error.name === 'TimeoutError'))) throw error
    say(io, `warning: no checkpoint was made after ${run.check}: ${escapeLines(error.message)}`)
  }
}
