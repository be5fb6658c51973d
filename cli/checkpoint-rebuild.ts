import { chooseChecks } from './check/choose-checks.ts'
import { checkCommand } from './check/command.ts'
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
 * `recon checkpoint rebuild`: throws away what the checks had verified, runs them on the whole history, and keeps what is balanced. Resolves as `recon check`
 * does; a check that is not balanced is left without a checkpoint, and reads everything until it is.
 */
export async function checkpointRebuildCommand({ names, all, json }: RebuildOptions, config: Config, io: Io): Promise<number> {
  const checks = chooseChecks(names, all, config)
  const gone = await withState(config, io.signal, state => state.checkpoints.forget(all ? undefined : checks, io.signal))
  say(io, `${gone} checkpoint${gone === 1n ? '' : 's'} thrown away; the whole history is read now`)
  return checkCommand({ names, all, json, alwaysKeep: true }, config, io)
}
