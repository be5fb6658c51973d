import type { Explained } from './explained.ts'
import type { Finding } from './finding.ts'

/** How old something is at the custodian's answer, in whole milliseconds; clocks may disagree, so that what seems to come from the future is new. */
export function ageMs(sinceMs: number, atMs: number): number {
  return Math.max(0, Math.floor(atMs - sinceMs))
}

/** The finding that a transfer has been on its way for longer than its limit; none where it has not. */
export function stuckIfOld(entry: Explained, limitMs: number, detail: Readonly<Record<string, string>>): readonly Finding[] {
  const { reference, kind, asset, amount, ageMs: age } = entry
  if (age <= limitMs) return []
  return [
    {
      kind: 'stuck-transfer',
      key: { reference, asset },
      detail: { ...detail, explained_as: kind, amount, age_ms: String(age), limit_ms: String(limitMs) },
    },
  ]
}
