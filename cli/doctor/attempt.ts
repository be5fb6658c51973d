import { withDeadline } from '../../checks/deadline.ts'
import type { LegContext } from '../../epoch/leg.ts'
import { ReconError } from '../../epoch/recon-error.ts'
import { StoreError } from '../../epoch/store-error.ts'
import { type Finding, fail } from './finding.ts'

/** Bound on one examination: a server that accepts and then freezes is a finding, not a doctor that hangs. */
export const EXAMINATION_TIMEOUT_MS = 30_000

/** What could not be looked at fails under `id`; `setting` is where the remedy begins. */
export async function attempt(
  id: string,
  setting: string,
  { signal, clock }: LegContext,
  work: (context: LegContext) => Promise<readonly Finding[]>,
): Promise<{ readonly answered: boolean; readonly findings: readonly Finding[] }> {
  try {
    return {
      answered: true,
      findings: await withDeadline(id, EXAMINATION_TIMEOUT_MS, clock, signal, within => work({ clock, signal: within })),
    }
  } catch (error) {
    if (signal.aborted || !(error instanceof ReconError)) throw error
    return { answered: false, findings: [fail(id, error.message, remedyFor(error, setting))] }
  }
}

function remedyFor(error: ReconError, setting: string): string {
  if (!(error instanceof StoreError)) return `see ${setting}`
  if (error.store === 'custodian') return `see that the custodian answers, and that ${setting} and RECON_CUSTODIAN_API_KEY are right`
  switch (error.reasonCode) {
    case 'store-unreachable':
      return `see that the server runs, and that host, port, user, password and database of ${setting} are right`
    case 'permission-denied':
      return `grant the user of ${setting} select; on ClickHouse readonly = 2, since readonly = 1 lets no query set what keeps it from being cut short`
    default:
      return `see what the store says, and ${setting}`
  }
}
