import { CUSTODY_CHECK_NAMES } from '../../checks/builtin.ts'
import { type CustodySource, custodianDigest } from '../../checks/omnibus/custody-source.ts'
import { anchorageCustodian } from '../../stores/custodian/anchorage.ts'
import type { State } from '../../stores/state/state.ts'
import type { Config, CustodianConfig } from '../config/config.ts'
import type { ConfigProblem } from '../config/problem.ts'

/** Bound on one attempt at one request of the custodian, in milliseconds; within the deadline of the run there may be several. */
const REQUEST_TIMEOUT_MS = 10_000

/** What is missing to ask the custodian; empty where none of the checks does, or nothing is. */
export function custodianProblems(checks: readonly string[], { custodian: { url, apiKey } }: Config): readonly ConfigProblem[] {
  const asking = checks.filter(needsCustodian)
  if (asking.length === 0) return []
  const unset = (source: string, right: string) => ({
    source,
    message: `is not set, and ${asking.join(', ')} asks the custodian; ${right}`,
  })
  return [
    ...(url === undefined ? [unset('RECON_CUSTODIAN_URL', 'write it as https://api.anchorage.com')] : []),
    ...(apiKey === undefined ? [unset('RECON_CUSTODIAN_API_KEY', 'or name a file with it under custodian.apiKeyFile')] : []),
  ]
}

/** Whether a check asks the custodian, beside the two stores. */
export function needsCustodian(check: string): boolean {
  return CUSTODY_CHECK_NAMES.some(name => name === check)
}

/** The custodian for a check that asks it, to be closed by the caller; undefined for any other check, and where none is configured. */
export function openCustody(check: string, { custodian }: Config, state: State | undefined): CustodySource | undefined {
  const { url, apiKey } = custodian
  if (!needsCustodian(check) || url === undefined || apiKey === undefined) return undefined
  const { vaults, signingKey, inconsistentLimitMs } = custodian
  const terms = termsOf(custodian)
  return {
    custodian: anchorageCustodian({
      name: 'custodian',
      url,
      apiKey,
      ...(signingKey === undefined ? {} : { signingKey }),
      vaults,
      requestTimeoutMs: REQUEST_TIMEOUT_MS,
    }),
    terms,
    inconsistentLimitMs,
    ...(state ? { memory: state.settledHistory(custodianDigest(url, vaults, terms)) } : {}),
  }
}

function termsOf({ opening, classify, inFlightLimitMs }: CustodianConfig): CustodySource['terms'] {
  return { opening, classification: classify, inFlightLimitMs }
}
