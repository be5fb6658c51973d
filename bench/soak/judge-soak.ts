import { type Epoch, orderEpochs, sequenceOf } from '../../epoch/epoch.ts'
import type { Verdict } from '../../epoch/verdict.ts'
import type { Restart } from './restarts.ts'

/** What is kept of a pinned check. */
export interface CheckedRun {
  readonly verdict: Verdict
  readonly reasonCode: string
  readonly epoch: Epoch | undefined
  readonly keysCompared: bigint
  /** Captures that were torn, and taken anew. */
  readonly tornCuts: number
}

/** What a soak must hold. */
export interface SoakBounds {
  readonly countedMin: number
  readonly inconclusiveShareMax: number
  readonly eventsPerSecondMin: number
  readonly outageMsMax: number
  readonly accounts: number
}

/** What a soak has seen, as far as it is judged. */
export interface SoakEvidence {
  readonly runs: readonly CheckedRun[]
  readonly eventsPerSecond: number
  readonly restarts: readonly Restart[]
  readonly transfers: { readonly deposits: number; readonly withdrawals: number }
  /** The check after everything had come to rest, and what the stores themselves count. */
  readonly final: { readonly run: CheckedRun; readonly keys: bigint; readonly accounts: bigint; readonly transactions: bigint }
}

/** The bounds of a soak of so many seconds: 300 checks in 150 seconds, and fewer only in less time. */
export function soakBounds(seconds: number, accounts: number): SoakBounds {
  return {
    countedMin: Math.min(300, Math.ceil(2 * seconds)),
    inconclusiveShareMax: 0.01,
    eventsPerSecondMin: 1_500,
    outageMsMax: 2_000,
    accounts,
  }
}

/** The runs that count: with a verdict on the books, and in order of their epochs each strictly above the one before it. */
export function countedRuns(runs: readonly CheckedRun[]): readonly CheckedRun[] {
  const counted: CheckedRun[] = []
  for (const run of runs.filter(({ verdict }) => verdict !== 'inconclusive').toSorted(byEpoch)) {
    const before = counted.at(-1)?.epoch ?? {}
    if (run.epoch !== undefined && orderEpochs(before, run.epoch) === 'before') counted.push(run)
  }
  return counted
}

/** Everything that a soak did not hold, in words; nothing where it passed. */
export function brokenBounds(evidence: SoakEvidence, bounds: SoakBounds): readonly string[] {
  const { runs, restarts, final, transfers } = evidence
  const number = (verdict: Verdict) => runs.filter(run => run.verdict === verdict).length
  const counted = countedRuns(runs).length
  const inconclusive = number('inconclusive')
  const longestMs = Math.max(0, ...restarts.map(({ outageMs }) => outageMs))
  // A key for each account at the least, from its opening deposit on: a check that compared fewer was blind to some.
  const blind = runs.filter(({ verdict, keysCompared }) => verdict === 'balanced' && keysCompared < bounds.accounts).length
  return [
    counted >= bounds.countedMin ? '' : `${counted} checks counted, and it must be ${bounds.countedMin}`,
    number('diff') === 0 ? '' : `${number('diff')} false differences`,
    inconclusive <= runs.length * bounds.inconclusiveShareMax ? '' : `${inconclusive} of ${runs.length} checks inconclusive`,
    evidence.eventsPerSecond >= bounds.eventsPerSecondMin
      ? ''
      : `${evidence.eventsPerSecond} events a second, and it must be ${bounds.eventsPerSecondMin}`,
    blind === 0 ? '' : `${blind} checks compared fewer keys than there are accounts`,
    longestMs <= bounds.outageMsMax ? '' : `a restart took ${longestMs} ms, and may take ${bounds.outageMsMax} ms`,
    ...(['sink', 'trade-engine'] as const).map(role =>
      restarts.some(restart => restart.role === role) ? '' : `the ${role} was never restarted`,
    ),
    transfers.deposits > 0 && transfers.withdrawals > 0 ? '' : 'deposits or withdrawals did not go on throughout',
    final.run.verdict === 'balanced' ? '' : `at rest the check says ${final.run.verdict}/${final.run.reasonCode}`,
    final.run.keysCompared === final.keys ? '' : `at rest ${final.run.keysCompared} keys were compared, and the stores hold ${final.keys}`,
    final.accounts >= bounds.accounts ? '' : `${final.accounts} accounts, and it must be ${bounds.accounts}`,
  ].filter(words => words !== '')
}

/** By the sum of the sequences: of two epochs that can be ordered the one below has the smaller sum. */
function byEpoch(a: CheckedRun, b: CheckedRun): number {
  const [left, right] = [height(a.epoch ?? {}), height(b.epoch ?? {})]
  return left < right ? -1 : left > right ? 1 : 0
}

function height(epoch: Epoch): bigint {
  return Object.keys(epoch).reduce((sum, stream) => sum + sequenceOf(epoch, stream), 0n)
}
