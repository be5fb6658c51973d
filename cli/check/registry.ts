import {
  BUILTIN_CHECK_NAMES,
  BUILTIN_CHECKS,
  type BuiltinCheckName,
  CUSTODY_CHECK_NAMES,
  CUSTODY_CHECKS,
  type CustodyCheckName,
} from '../../checks/builtin.ts'
import type { Check } from '../../checks/check.ts'
import type { CheckSources } from '../../checks/check-sources.ts'
import { customCheck } from '../../checks/custom/custom-check.ts'
import type { CustodySource } from '../../checks/omnibus/custody-source.ts'
import { ReconError } from '../../epoch/recon-error.ts'
import type { Config } from '../config/config.ts'

/** The checks of the product that `recon check` can run, by name; to these come the relations of the configuration. */
export const KNOWN_CHECKS: readonly string[] = [...BUILTIN_CHECK_NAMES, ...CUSTODY_CHECK_NAMES]

/** Makes a check, of the product or of the configuration. Throws `ReconError` with code `unknown-check` where there is none of this name. */
export function checkNamed(name: string, { relations }: Config, sources: CheckSources, custody?: CustodySource): Check {
  if (isBuiltin(name)) return BUILTIN_CHECKS[name](sources)
  if (isOfCustody(name)) {
    if (!custody) throw new ReconError('no-custodian', `check ${name} asks the custodian, and none is configured: set RECON_CUSTODIAN_URL`)
    return CUSTODY_CHECKS[name](sources, custody)
  }
  const relation = Object.hasOwn(relations, name) ? relations[name] : undefined
  if (!relation) throw new ReconError('unknown-check', `there is no check ${name}`)
  return customCheck(relation, sources)
}

/** The streams whose epoch a check is pinned to. */
export function streamsOf(name: string, { relations, streams }: Config): readonly string[] {
  return Object.keys((Object.hasOwn(relations, name) ? relations[name]?.streams : undefined) ?? streams)
}

function isBuiltin(name: string): name is BuiltinCheckName {
  return BUILTIN_CHECK_NAMES.some(known => known === name)
}

function isOfCustody(name: string): name is CustodyCheckName {
  return CUSTODY_CHECK_NAMES.some(known => known === name)
}
