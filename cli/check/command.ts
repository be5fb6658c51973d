import type { Run } from '../../checks/run.ts'
import type { Verdict } from '../../epoch/verdict.ts'
import type { Config } from '../config/config.ts'
import { exitStatusOf } from '../exit-status.ts'
import { type Io, printLine, say } from '../io.ts'
import { chooseChecks } from './choose-checks.ts'
import { needsCustodian } from './custody.ts'
import { formatRun } from './format-run.ts'
import { openRecorder } from './recorder.ts'
import { runCheck } from './run-check.ts'
import { requireStoreUrls } from './store-urls.ts'

/** What `recon check` was asked for. */
export interface CheckOptions {
  readonly names: readonly string[]
  readonly all: boolean
  readonly json: boolean
  /** Keeps what is verified however little it saves. */
  readonly alwaysKeep?: boolean
}

/**
 * `recon check`: runs the checks one after the other and tells each as it ends. Resolves to 0, 10 or 11; throws `ReconError` for bad usage
 * and `ConfigError` for bad configuration, before anything is run.
 */
export async function checkCommand({ names, all, json, alwaysKeep = false }: CheckOptions, config: Config, io: Io): Promise<number> {
  const checks = chooseChecks(names, all, config)
  const urls = requireStoreUrls(config, checks)
  if (all) tellLeftOut(config, io)
  const recorder = await openRecorder(config, io)
  try {
    const verdicts: Verdict[] = []
    for (const name of checks) {
      const seen = await recorder.seenBefore()
      const ended = async (run: Run) => {
        printLine(io, json ? JSON.stringify(run) : formatRun(run, io.color))
        await recorder.record(run, seen?.era)
        verdicts.push(run.verdict)
      }
      await runCheck(name, urls, config, { seen, state: recorder.state, alwaysKeep, ended }, io)
    }
    return exitStatusOf(verdicts)
  } finally {
    await recorder.close()
  }
}

/** Whoever asks for everything must hear what is not done. */
function tellLeftOut(config: Config, io: Io): void {
  const leftOut = Object.entries(config.checks).filter(
    ([name, { enabled }]) => enabled && needsCustodian(name) && config.custodian.url === undefined,
  )
  for (const [name] of leftOut) say(io, `${name} is left out: RECON_CUSTODIAN_URL is not set`)
}
