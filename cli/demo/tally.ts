import type { JsonEpoch } from '../../checks/run.ts'
import type { Verdict } from '../../epoch/verdict.ts'
import type { FaultName } from '../../sim/faults/catalogue.ts'
import { counted, epochText, grouped, shortDuration } from './figures.ts'
import type { Round } from './round.ts'

/** What became of one planted fault. */
export interface FaultRecord {
  readonly fault: FaultName
  readonly foundAfterMs?: number
  readonly foundByCheck?: number
  readonly balancedAgain?: boolean
}

/** What the demo has seen so far. */
export interface Tally {
  readonly verdicts: Readonly<Record<Verdict, number>>
  readonly firstEpoch: JsonEpoch | null
  readonly lastEpoch: JsonEpoch | null
  /** Differences that the comparison which does not wait has reported while nothing was wrong, and in how many checks. */
  readonly falseDifferences: bigint
  readonly comparedUnpinned: number
  readonly faults: readonly FaultRecord[]
}

/** Nothing seen yet. */
export const EMPTY_TALLY: Tally = {
  verdicts: { balanced: 0, diff: 0, inconclusive: 0 },
  firstEpoch: null,
  lastEpoch: null,
  falseDifferences: 0n,
  comparedUnpinned: 0,
  faults: [],
}

/** Counts one round. */
export function countRound(tally: Tally, { run, unpinnedDifferences }: Round): Tally {
  const calm = run.verdict === 'balanced' && unpinnedDifferences !== undefined
  return {
    ...tally,
    verdicts: { ...tally.verdicts, [run.verdict]: tally.verdicts[run.verdict] + 1 },
    firstEpoch: tally.firstEpoch ?? run.epoch,
    lastEpoch: run.epoch ?? tally.lastEpoch,
    falseDifferences: tally.falseDifferences + (calm ? unpinnedDifferences : 0n),
    comparedUnpinned: tally.comparedUnpinned + (calm ? 1 : 0),
  }
}

/** Sets down what became of the fault that was planted last. */
export function recordFault(tally: Tally, changes: Partial<FaultRecord>): Tally {
  const last = tally.faults.at(-1)
  return last === undefined ? tally : { ...tally, faults: [...tally.faults.slice(0, -1), { ...last, ...changes }] }
}

/** The demo in a few lines, for its end. */
export function summaryLines(
  { verdicts, firstEpoch, lastEpoch, falseDifferences, comparedUnpinned, faults }: Tally,
  ranMs: number,
): readonly string[] {
  const checks = verdicts.balanced + verdicts.diff + verdicts.inconclusive
  const events = BigInt(lastEpoch?.['dropcopy'] ?? '0') - BigInt(firstEpoch?.['dropcopy'] ?? '0')
  return [
    `${counted(checks, 'check')} in ${shortDuration(ranMs)}: ${verdicts.balanced} balanced, ${verdicts.diff} diff, ${verdicts.inconclusive} inconclusive`,
    `${counted(events, 'event')} folded from the first check to the last, at epochs ${epochText(firstEpoch)} to ${epochText(lastEpoch)}`,
    ...(comparedUnpinned === 0
      ? []
      : [
          `${grouped(falseDifferences)} false differences in ${counted(comparedUnpinned, 'comparison')} without waiting, beside checks that found the books balanced; pinned: 0`,
        ]),
    ...(faults.length === 0 ? ['no fault was planted: there was no time for one'] : faults.map(faultLine)),
  ]
}

function faultLine({ fault, foundAfterMs, foundByCheck, balancedAgain }: FaultRecord): string {
  if (foundAfterMs === undefined) return `fault ${fault}: planted, and the demo ended before the next check did`
  const which = foundByCheck === 1 ? 'the very next check' : `check ${foundByCheck} after it`
  const end = balancedAgain === true ? 'repaired, and balanced again' : 'and the demo ended before it was repaired and checked again'
  return `fault ${fault}: planted, found ${shortDuration(foundAfterMs)} later by ${which}, ${end}`
}
