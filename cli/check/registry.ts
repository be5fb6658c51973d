import { BUILTIN_CHECK_NAMES } from '../../checks/builtin.ts'

/** The checks that `recon check` can run, by name. */
export const KNOWN_CHECKS: readonly string[] = BUILTIN_CHECK_NAMES
