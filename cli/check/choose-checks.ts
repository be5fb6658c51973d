import { BUILTIN_CHECK_NAMES, type BuiltinCheckName } from '../../checks/builtin.ts'
import { ReconError } from '../../epoch/recon-error.ts'
import type { Config } from '../config/config.ts'
import { suggestion } from '../nearest.ts'

/**
 * The checks to run: the named ones, each once, whether enabled or not; or with `all` every enabled one. Throws `ReconError` with code
 * `bad-usage`, naming every unknown name at once.
 */
export function chooseChecks(names: readonly string[], all: boolean, { checks }: Config): readonly BuiltinCheckName[] {
  if (all && names.length > 0) throw new ReconError('bad-usage', 'name the checks, or say --all, not both')
  if (!all && names.length === 0) {
    throw new ReconError('bad-usage', `name a check (${BUILTIN_CHECK_NAMES.join(', ')}), or say --all`)
  }
  const unknown = names.filter(name => !isBuiltin(name))
  if (unknown.length > 0) {
    const lines = unknown.map(name => `there is no check ${JSON.stringify(name)}${suggestion(name, BUILTIN_CHECK_NAMES)}`)
    throw new ReconError('bad-usage', lines.join('\n'))
  }
  if (!all) return [...new Set(names.filter(isBuiltin))]
  const enabled = BUILTIN_CHECK_NAMES.filter(name => checks[name]?.enabled !== false)
  if (enabled.length === 0) throw new ReconError('bad-usage', 'every check is disabled; enable one in recon.yaml, or name one')
  return enabled
}

function isBuiltin(name: string): name is BuiltinCheckName {
  return BUILTIN_CHECK_NAMES.some(known => known === name)
}
