import { createHash } from 'node:crypto'
import type { Custodian } from '../../stores/custodian/custodian.ts'
import type { SettledHistory } from '../../stores/state/settled-history.ts'
import type { OmnibusTerms } from './facts.ts'

/** Where the omnibus check reads the custodian, and on which terms. */
export interface CustodySource {
  readonly custodian: Custodian
  readonly terms: OmnibusTerms
  /** For how long the custodian may contradict itself in one and the same amount. */
  readonly inconsistentLimitMs: number
  /** What recon's own database remembers of the custodian; absent: every run lists everything, and no contradiction is ever taken for a difference. */
  readonly memory?: SettledHistory
}

/** How many movements one run may settle at most; what is more waits for the next. */
export const SETTLED_PER_RUN_MAX = 20_000

/**
 * The digest under which a custodian is remembered: where it is, which vaults, and everything of the terms that settled sums depend on. Under other
 * terms it is another custodian, of which nothing is settled.
 */
export function custodianDigest(url: string, vaults: readonly string[], { opening, classification }: OmnibusTerms): string {
  const sorted = (record: Readonly<Record<string, string>>) => Object.entries(record).sort(([a], [b]) => (a < b ? -1 : 1))
  const { origin, pathname } = new URL(url)
  const identity = [`${origin}${pathname}`, [...vaults].sort(), sorted(opening), sorted(classification)]
  return createHash('sha256').update(JSON.stringify(identity)).digest('hex')
}
