import { type Epoch, orderEpochs, sequenceOf } from '../../epoch/epoch.ts'
import type { Verdict } from '../../epoch/verdict.ts'
import type { Restart } from './restarts.ts'

/** What is kept of a pinned run. */
export interface CheckedRun {
  readonly check: string
  readonly verdict: Verdict
  readonly reasonCode: string
  readonly epoch: Epoch | undefined
  readonly keysCompared: bigint
  /** Captures that were torn, and taken anew. */
  readonly tornCuts: number
}

/** What a soak must hold. */
export interface SoakBounds {
  /** Runs that count, of all checks together. */
  readonly countedMin: number
  readonly inconclusiveShareMax: number
  readonly eventsPerSecondMin: number
  readonly outageMsMax: number
  readonly accounts: number
}

/** What a soak has seen, as far as it is judged. */
export interface SoakEvidence {
  /** The checks that it was about. */
  readonly checks: readonly string[]
  readonly runs: readonly CheckedRun[]
  readonly eventsPerSecond: number
  readonly restarts: readonly Restart[]
  readonly transfers: { readonly deposits: number; readonly withdrawals: number }
  /** One run of each check after everything had come to rest, and what the stores themselves count; keys by check. */
  readonly final: {
    readonly runs: readonly CheckedRun[]
    readonly keys: Readonly<Record<string, bigint>>
    readonly accounts: bigint
    readonly transactions: bigint
  }
}

/** The bounds of a soak of so many seconds: 1,000 runs in the time that is the default, and fewer only in less time. */
export function soakBounds(seconds: number, accounts: number): SoakBounds {
  return {
    countedMin: Math.min(1_000, Math.ceil(seconds * COUNTED_PER_SECOND)),
    inconclusiveShareMax: 0.01,
    eventsPerSecondMin: 1_500,
    outageMsMax: 2_000,
    accounts,
  }
}

const COUNTED_PER_SECOND = 5 / 3

/** The runs of one check that count: with a verdict on the books, and in order of their epochs each strictly above the one before it. */
export function countedRuns(runs: readonly CheckedRun[]): readonly CheckedRun[] {
  const counted: CheckedRun[] = []
  for (const run of runs.filter(({ verdict }) => verdict !== 'inconclusive').toSorted(byEpoch)) {
    const before = counted.at(-1)?.epoch ?? {}
    if (run.epoch !== undefined && orderEpochs(before, run.epoch) === 'before') counted.push(run)
  }
  return counted
}

/** How many runs count, of all checks together. */
export function countedOfAll(checks: readonly string[], runs: readonly CheckedRun[]): number {
  return checks.reduce((sum, check) => sum + countedRuns(runs.filter(run => run.check === check)).length, 0)
}

/** Everything that a soak did not hold, in words; nothing where it passed. */
export function brokenBounds(evidence: SoakEvidence, bounds: SoakBounds): readonly string[] {
  const { checks, runs, restarts, final, transfers } = evidence
  const number = (verdict: Verdict) => runs.filter(run => run.verdict === verdict).length
  const counted = countedOfAll(checks, runs)
  const inconclusive = number('inconclusive')
  const longestMs = Math.max(0, ...restarts.map(({ outageMs }) => outageMs))
  return [
    counted >= bounds.countedMin ? '' : `${counted} runs counted, and it must be ${bounds.countedMin}`,
    number('diff') === 0 ? '' : `${number('diff')} false differences`,
    inconclusive <= runs.length * bounds.inconclusiveShareMax ? '' : `${inconclusive} of ${runs.length} runs inconclusive`,
    evidence.eventsPerSecond >= bounds.eventsPerSecondMin
      ? ''
      : `${evidence.eventsPerSecond} events a second, and it must be ${bounds.eventsPerSecondMin}`,
    ...checks.flatMap(check => [...blindness(check, runs, bounds), ...brokenAtRest(check, final)]),
    longestMs <= bounds.outageMsMax ? '' : `a restart took ${longestMs} ms, and may take ${bounds.outageMsMax} ms`,
    ...(['sink', 'trade-engine'] as const).map(role =>
      restarts.some(restart => restart.role === role) ? '' : `the ${role} was never restarted`,
    ),
    transfers.deposits > 0 && transfers.withdrawals > 0 ? '' : 'deposits or withdrawals did not go on throughout',
    final.accounts >= bounds.accounts ? '' : `${final.accounts} accounts, and it must be ${bounds.accounts}`,
  ].filter(words => words !== '')
}

/** The checks that must have been run and counted, and compared as many keys as there were from the beginning: fewer, and they were blind to some. */
function blindness(check: string, runs: readonly CheckedRun[], { accounts }: SoakBounds): readonly string[] {
  const own = runs.filter(run => run.check === check)
  if (countedRuns(own).length === 0) return [`no run of ${check} counted`]
  // A key for each account at the least, from its opening deposit on; positions are taken one after the other.
  const least = check === 'transactions-balance' ? accounts : 1
  const blind = own.filter(({ verdict, keysCompared }) => verdict === 'balanced' && keysCompared < least).length
  return blind === 0 ? [] : [`${blind} runs of ${check} compared fewer keys than there are`]
}

function brokenAtRest(check: string, { runs, keys }: SoakEvidence['final']): readonly string[] {
  const run = runs.find(each => each.check === check)
  if (run === undefined) return [`at rest ${check} was not run`]
  if (run.verdict !== 'balanced') return [`at rest ${check} says ${run.verdict}/${run.reasonCode}`]
  if (run.keysCompared === keys[check]) return []
  return [`at rest ${check} compared ${run.keysCompared} keys, and the stores hold ${keys[check] ?? 'none that is counted'}`]
}

/** By the sum of the sequences: of two epochs that can be ordered the one below has the smaller sum. */
function byEpoch(a: CheckedRun, b: CheckedRun): number {
  const [left, right] = [height(a.epoch ?? {}), height(b.epoch ?? {})]
  return left < right ? -1 : left > right ? 1 : 0
}

function height(epoch: Epoch): bigint {
  return Object.keys(epoch).reduce((sum, stream) => sum + sequenceOf(epoch, stream), 0n)
}
