import { chooseChecks } from './check/choose-checks.ts'
import { checkCommand } from './check/command.ts'
import { forgetVerified } from './check/run-check.ts'
import { requireStoreUrls } from './check/store-urls.ts'
import type { Config } from './config/config.ts'
import { type Io, say } from './io.ts'
import { withState } from './with-state.ts'

/** What `recon checkpoint rebuild` was asked for. */
export interface RebuildOptions {
  readonly names: readonly string[]
  readonly all: boolean
  readonly json: boolean
}

/**
 * `recon checkpoint rebuild`: throws away what was kept of the histories that the checks read (of all histories, with `all`), runs the checks on the whole history,
 * and keeps what is balanced. Resolves as `recon check` does; a check that is not balanced is left without a checkpoint, and reads everything until it is.
 */
export async function checkpointRebuildCommand({ names, all, json }: RebuildOptions, config: Config, io: Io): Promise<number> {
  const checks = chooseChecks(names, all, config)
  const urls = requireStoreUrls(config)
  const gone = await withState(config, io.signal, async state => {
    if (all) return state.checkpoints.forget(undefined, io.signal)
    let sum = 0n
    for (const name of checks) sum += await forgetVerified(name, urls, config, state, io)
    return sum
  })
  say(
    io,
    `${gone} checkpoint${gone === 1n ? '' : 's'} thrown away, also those of other checks over the same history; the whole of it is read now`,
  )
  return checkCommand({ names, all, json, alwaysKeep: true }, config, io)
}
