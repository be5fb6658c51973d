import { ReconError } from '../../epoch/recon-error.ts'
import type { Config } from '../config/config.ts'
import { suggestion } from '../nearest.ts'
import { needsCustodian } from './custody.ts'
import { KNOWN_CHECKS } from './registry.ts'

/**
 * The checks to run: the named ones, each once, whether enabled or not; or with `all` every enabled one that can be asked. Throws `ReconError` with code
 * `bad-usage`, naming every unknown name at once.
 */
export function chooseChecks(names: readonly string[], all: boolean, { checks, relations, custodian }: Config): readonly string[] {
  const known = [...KNOWN_CHECKS, ...Object.keys(relations)]
  if (all && names.length > 0) throw new ReconError('bad-usage', 'name the checks, or say --all, not both')
  if (!all && names.length === 0) {
    throw new ReconError('bad-usage', `name a check (${known.join(', ')}), or say --all`)
  }
  const unknown = names.filter(name => !known.includes(name))
  if (unknown.length > 0) {
    const lines = unknown.map(name => `there is no check ${JSON.stringify(name)}${suggestion(name, known)}`)
    throw new ReconError('bad-usage', lines.join('\n'))
  }
  if (!all) return [...new Set(names)]
  const askable = custodian.url === undefined ? known.filter(name => !needsCustodian(name)) : known
  const enabled = askable.filter(name => checks[name]?.enabled !== false)
  if (enabled.length === 0) throw new ReconError('bad-usage', 'every check is disabled; enable one in recon.yaml, or name one')
  return enabled
}
