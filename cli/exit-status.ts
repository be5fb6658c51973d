import type { Verdict } from '../epoch/verdict.ts'

/** What the commands end with; people script against these (design section 8). */
export const EXIT = {
  ok: 0,
  /** A bug of ours, and nothing else: a crash must never look like a verdict. */
  bug: 1,
  /** Bad usage or configuration. */
  usage: 2,
  /** A difference, or a doctor's finding. */
  diff: 10,
  /** Could not check. */
  inconclusive: 11,
} as const

/** The exit status of several verdicts: any difference goes first, then anything that could not be checked. */
export function exitStatusOf(verdicts: readonly Verdict[]): number {
  if (verdicts.includes('diff')) return EXIT.diff
  return verdicts.includes('inconclusive') ? EXIT.inconclusive : EXIT.ok
}
