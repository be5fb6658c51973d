import type { LegContext } from '../../epoch/leg.ts'
import type { CustodianAnswer } from './ask-custodian.ts'
import type { CustodySource } from './custody-source.ts'
import type { Finding } from './finding.ts'
import type { OmnibusMatch } from './match.ts'
import { orWarn, type Warn } from './remember.ts'

/** The contradictions in the custodian's answer, as findings: those that may still go away, and those that have stood for longer than they may. */
export interface WeighedGaps {
  readonly passing: readonly Finding[]
  readonly standing: readonly Finding[]
}

/** Weighs the contradictions by how long each has been there. An answer without any ends those that were. */
export async function weighGaps(
  { memory, inconsistentLimitMs }: CustodySource,
  { gaps, atMs }: CustodianAnswer,
  warn: Warn,
  { signal }: LegContext,
): Promise<WeighedGaps> {
  const unknown = gaps.map(({ asset, amount }): Finding => ({ kind: 'custodian-gap', key: { asset }, detail: { gap: amount } }))
  if (!memory) {
    if (gaps.length > 0) warn("recon's own database (RECON_STATE_URL) is not there to remember since when the custodian contradicts itself")
    return { passing: unknown, standing: [] }
  }
  const noted = await orWarn(warn, 'since when the custodian contradicts itself is not known', () => memory.noteGaps(gaps, atMs, signal))
  if (!noted) return { passing: unknown, standing: [] }
  const weighed = noted.map(({ asset, amount, sinceMs }) => ({
    asset,
    stands: atMs - sinceMs > inconsistentLimitMs,
    detail: { gap: amount, since: new Date(sinceMs).toISOString() },
  }))
  return {
    passing: weighed.filter(({ stands }) => !stands).map(({ asset, detail }) => ({ kind: 'custodian-gap', key: { asset }, detail })),
    standing: weighed
      .filter(({ stands }) => stands)
      .map(({ asset, detail }) => ({
        kind: 'unknown-movement',
        key: { asset },
        detail: { ...detail, why: 'its balance moved and no movement says so' },
      })),
  }
}

/**
 * What may be said. Of what was matched with an answer that may still be mended only that there is a movement which nobody knows; a contradiction that stands is
 * one that is not even listed.
 */
export function findingsToTell({ findings }: OmnibusMatch, { passing, standing }: WeighedGaps): readonly Finding[] {
  if (passing.length === 0) return [...standing, ...findings]
  return [...standing, ...findings.filter(({ kind }) => kind === 'unknown-movement'), ...passing]
}
