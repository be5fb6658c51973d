import type { JsonEpoch } from '../../checks/run.ts'
import type { Verdict } from '../../epoch/verdict.ts'
import type { FaultName } from '../../sim/faults/catalogue.ts'
import type { CheckName } from '../../sim/faults/expectation.ts'
import type { DemoRun } from './demo-run.ts'
import { counted, epochText, grouped, listed, shortDuration } from './figures.ts'

/** What became of one planted fault. */
export interface FaultRecord {
  readonly fault: FaultName
  readonly found: readonly { readonly by: CheckName; readonly afterMs: number }[]
  /** Whether every check that must has found it. */
  readonly foundByAll?: boolean
  readonly balancedAgain?: boolean
}

type Verdicts = Readonly<Record<Verdict, number>>

/** What the demo has seen so far. */
export interface Tally {
  /** By check, in the order in which each ended for the first time. */
  readonly checks: ReadonlyMap<string, Verdicts>
  readonly firstEpoch: JsonEpoch | null
  readonly lastEpoch: JsonEpoch | null
  /** Differences that the comparison which does not wait has reported while nothing was wrong, and in how many checks. */
  readonly falseDifferences: bigint
  readonly comparedUnpinned: number
  readonly faults: readonly FaultRecord[]
}

const NO_VERDICTS: Verdicts = { balanced: 0, diff: 0, inconclusive: 0 }

/** Nothing seen yet. */
export const EMPTY_TALLY: Tally = {
  checks: new Map(),
  firstEpoch: null,
  lastEpoch: null,
  falseDifferences: 0n,
  comparedUnpinned: 0,
  faults: [],
}

/** Counts one run. */
export function countRun(tally: Tally, { run, unpinnedDifferences }: DemoRun): Tally {
  const calm = run.verdict === 'balanced' && unpinnedDifferences !== undefined
  const before = tally.checks.get(run.check) ?? NO_VERDICTS
  return {
    ...tally,
    checks: new Map([...tally.checks, [run.check, { ...before, [run.verdict]: before[run.verdict] + 1 }]]),
    firstEpoch: tally.firstEpoch ?? run.epoch,
    lastEpoch: isHigher(run.epoch, tally.lastEpoch) ? run.epoch : tally.lastEpoch,
    falseDifferences: tally.falseDifferences + (calm ? unpinnedDifferences : 0n),
    comparedUnpinned: tally.comparedUnpinned + (calm ? 1 : 0),
  }
}

/** Sets down what became of the fault that was planted last. */
export function recordFault(tally: Tally, change: (fault: FaultRecord) => FaultRecord): Tally {
  const last = tally.faults.at(-1)
  return last === undefined ? tally : { ...tally, faults: [...tally.faults.slice(0, -1), change(last)] }
}

/** The demo in a few lines, for its end. */
export function summaryLines(
  { checks, firstEpoch, lastEpoch, falseDifferences, comparedUnpinned, faults }: Tally,
  ranMs: number,
): readonly string[] {
  const all = [...checks.values()].reduce(
    (sum, verdicts) => ({
      balanced: sum.balanced + verdicts.balanced,
      diff: sum.diff + verdicts.diff,
      inconclusive: sum.inconclusive + verdicts.inconclusive,
    }),
    NO_VERDICTS,
  )
  const nameWidth = Math.max(...[...checks.keys()].map(name => name.length))
  const events = BigInt(lastEpoch?.['dropcopy'] ?? '0') - BigInt(firstEpoch?.['dropcopy'] ?? '0')
  return [
    `${counted(all.balanced + all.diff + all.inconclusive, 'run')} in ${shortDuration(ranMs)}: ${verdictsText(all)}`,
    ...[...checks].map(([name, verdicts]) => `${name.padEnd(nameWidth)}  ${verdictsText(verdicts)}`),
    `${counted(events, 'event')} folded meanwhile, at epochs ${epochText(firstEpoch)} to ${epochText(lastEpoch)}`,
    ...(comparedUnpinned === 0
      ? []
      : [
          `${grouped(falseDifferences)} false differences in ${counted(comparedUnpinned, 'comparison')} without waiting, beside runs that found the books balanced; pinned: 0`,
        ]),
    ...(faults.length === 0 ? ['no fault was planted: there was no time for one'] : faults.map(faultLine)),
  ]
}

function verdictsText({ balanced, diff, inconclusive }: Verdicts): string {
  return `${balanced} balanced, ${diff} diff, ${inconclusive} inconclusive`
}

function faultLine({ fault, found, foundByAll, balancedAgain }: FaultRecord): string {
  if (found.length === 0) return `fault ${fault}: planted, and the demo ended before the next checks did`
  const by = listed(found.map(({ by: check, afterMs }) => `${check} after ${shortDuration(afterMs)}`))
  const end =
    balancedAgain === true
      ? 'repaired, and balanced again'
      : foundByAll === true
        ? 'and the demo ended before it was repaired and checked again'
        : 'and the demo ended before every check had found it'
  return `fault ${fault}: planted, found by ${by}; ${end}`
}

function isHigher(epoch: JsonEpoch | null, than: JsonEpoch | null): boolean {
  return epoch !== null && BigInt(epoch['dropcopy'] ?? '0') >= BigInt(than?.['dropcopy'] ?? '0')
}
