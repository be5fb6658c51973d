import type { Run } from '../../checks/run.ts'
import { openRecorder } from '../../cli/check/recorder.ts'
import { KNOWN_CHECKS } from '../../cli/check/registry.ts'
import { runCheck } from '../../cli/check/run-check.ts'
import type { Config } from '../../cli/config/config.ts'
import type { Io } from '../../cli/io.ts'
import type { StoreUrls } from '../../sim/sandbox/stores.ts'
import { onOneThread } from './one-thread.ts'

/** All checks of the product on the stores of a soak, run exactly as `recon check` does. */
export interface PinnedChecks {
  readonly names: readonly string[]
  /** Runs one, recorded in recon's own database and judged against the epochs of the runs that had finished when it began. */
  readonly run: (name: string) => Promise<Run>
  readonly close: () => Promise<void>
}

/** Connects to recon's own database; the stores are connected to by each run. */
export async function openPinnedChecks(urls: StoreUrls, config: Config, io: Io): Promise<PinnedChecks> {
  const recorder = await openRecorder(config, io)
  const stores = { postgresUrl: urls.postgresUrl, clickhouseUrl: onOneThread(urls.clickhouseUrl) }
  return {
    names: KNOWN_CHECKS,
    run: async name => {
      const seen = await recorder.seenBefore()
      const ended = async (run: Run) => {
        if (!io.signal.aborted) await recorder.record(run, seen?.era)
      }
      return runCheck(name, stores, config, { seen, state: recorder.state, ended }, io)
    },
    close: () => recorder.close(),
  }
}
