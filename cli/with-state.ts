import { openState, type State } from '../stores/state/state.ts'
import type { Config } from './config/config.ts'
import { ConfigError } from './config/problem.ts'

const STATEMENT_TIMEOUT_MS = 10_000
const MIGRATE_TIMEOUT_MS = 60_000

/** Opens recon's own database for a command that cannot do without it, and closes it after `work`. */
export async function withState<T>({ stores }: Config, signal: AbortSignal, work: (state: State) => Promise<T>): Promise<T> {
  if (stores.stateUrl === undefined) {
    throw new ConfigError([
      {
        source: 'RECON_STATE_URL',
        message:
          "is not set; it is the URL of recon's own database, where the runs are recorded, such as postgresql://user:password@host/recon",
      },
    ])
  }
  const state = await openConfiguredState(stores.stateUrl, stores.connectTimeoutMs, signal)
  try {
    return await work(state)
  } finally {
    await state.close()
  }
}

/** Opens recon's own database with the bounds that all commands share. */
export function openConfiguredState(url: string, connectTimeoutMs: number, signal: AbortSignal): Promise<State> {
  return openState(url, { connectTimeoutMs, statementTimeoutMs: STATEMENT_TIMEOUT_MS, migrateTimeoutMs: MIGRATE_TIMEOUT_MS, signal })
}
