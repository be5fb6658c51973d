import { ReconError } from '../../epoch/recon-error.ts'
import { DEFAULT_CHECKPOINT_POLICY } from '../../stores/checkpoints/checkpoint.ts'
import { type Checkpoints, checkpointsBy } from '../../stores/clickhouse/checkpoints.ts'
import { type ClickHouseConnection, connectClickHouse } from '../../stores/clickhouse/connection.ts'
import { isSameServer } from '../../stores/clickhouse/same-server.ts'
import type { State } from '../../stores/state/state.ts'
import type { Config } from '../config/config.ts'
import { type Io, say } from '../io.ts'
import { escapeLines } from '../terminal/escape.ts'

/** How long making checkpoints may take, in milliseconds: the first one reads the whole history. */
export const MAKING_TIMEOUT_MS = 10 * 60_000

/** Checkpoints as the configuration wants them, and the connection that makes them, which must be closed. */
export interface OpenCheckpoints {
  readonly checkpoints: Checkpoints
  close(): Promise<void>
}

/**
 * Opens what checkpoints need. A ClickHouse database of recon's own that cannot be used, as on another server than the history's, is told on stderr, and
 * checkpoints are kept in recon's PostgreSQL.
 */
export async function openCheckpoints(
  state: State,
  clickhouse: ClickHouseConnection,
  { stores: { clickhouseStateUrl, connectTimeoutMs } }: Config,
  io: Pick<Io, 'clock' | 'signal' | 'stderr'>,
): Promise<OpenCheckpoints> {
  const workshop =
    clickhouseStateUrl === undefined
      ? undefined
      : connectClickHouse({ name: 'clickhouse-state', url: clickhouseStateUrl, connectTimeoutMs, statementTimeoutMs: MAKING_TIMEOUT_MS })
  const usable =
    workshop && (await isUsable(workshop, clickhouse, io))
      ? { connection: workshop, ledger: await state.checkpoints.identity(io.signal) }
      : undefined
  const couldNot = (error: Error) => say(io, `warning: checkpoints cannot be read, so everything is: ${escapeLines(error.message)}`)
  return {
    checkpoints: checkpointsBy(state.checkpoints, DEFAULT_CHECKPOINT_POLICY, usable, couldNot),
    close: async () => workshop?.close(),
  }
}

async function isUsable(workshop: ClickHouseConnection, clickhouse: ClickHouseConnection, io: Pick<Io, 'clock' | 'signal' | 'stderr'>) {
  try {
    if (await isSameServer(workshop, clickhouse, io)) return true
    say(io, "warning: RECON_CLICKHOUSE_STATE_URL is another server than RECON_CLICKHOUSE_URL; checkpoints are kept in recon's PostgreSQL")
  } catch (error) {
    if (io.signal.aborted) throw io.signal.reason
    if (!(error instanceof ReconError)) throw error
    say(io, `warning: checkpoints are kept in recon's PostgreSQL: ${escapeLines(error.message)}`)
  }
  return false
}
