import { upsertGaps } from './custodian-gaps.ts'
import type { StatePool } from './pool.ts'
import { insertSettled, selectSettledHead, selectSettledItems } from './settled.ts'
import type { SettledAdvance, SettledHead, SettledItems, SettledKeys, StandingGap } from './settled-record.ts'

/** What recon's own database remembers of one custodian under one set of terms. Every method rejects with `StoreError`, or the signal's reason. */
export interface SettledHistory {
  /** How far it is settled in the current era; to be asked for before the run's capture. */
  head(signal: AbortSignal): Promise<SettledHead>
  /** Finds what was settled by that head: another run may have advanced since, and what it settled is not in these sums. */
  find(head: Pick<SettledHead, 'era' | 'version'>, keys: SettledKeys, signal: AbortSignal): Promise<SettledItems>
  /** Advances by one version; false where `from` is not the newest any more. */
  advance(from: SettledHead, advance: SettledAdvance, signal: AbortSignal): Promise<boolean>
  /** Notes the gaps of an answer that came at `atMs`, and says since when each has stood. */
  noteGaps(gaps: readonly Omit<StandingGap, 'sinceMs'>[], atMs: number, signal: AbortSignal): Promise<readonly StandingGap[]>
}

/** The memory of one custodian; `custodian` is the digest of who it is and on which terms it is asked. */
export function settledHistory(pool: StatePool, custodian: string): SettledHistory {
  return {
    head: signal => pool.use(signal, client => selectSettledHead(client, custodian)),
    find: (head, keys, signal) => pool.use(signal, client => selectSettledItems(client, custodian, head, keys)),
    advance: (from, advance, signal) => pool.use(signal, client => insertSettled(client, custodian, from, advance)),
    noteGaps: (gaps, atMs, signal) => pool.use(signal, client => upsertGaps(client, custodian, gaps, atMs)),
  }
}
