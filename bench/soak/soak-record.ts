import type { Run } from '../../checks/run.ts'
import { epochFromJson } from '../../epoch/epoch.ts'
import { distributionOf } from './distribution.ts'
import { type CheckedRun, countedOfAll, countedRuns, type SoakEvidence } from './judge-soak.ts'
import type { Restart } from './restarts.ts'

/** How far the sink was behind when a run began. */
export interface SinkLag {
  /** Dropcopy events up to the epoch of the run that the sink did not yet vouch for. */
  readonly events: number
  /** How long ago the last event that it vouched for was published. */
  readonly ms: number
}

/** What a soak takes down while it runs. */
export interface SoakRecord {
  readonly runs: Run[]
  readonly lags: SinkLag[]
  readonly restarts: Restart[]
  /** How many keys each naive comparison found different. */
  readonly naive: number[]
}

/** An empty record. */
export function openSoakRecord(): SoakRecord {
  return { runs: [], lags: [], restarts: [], naive: [] }
}

/** What is judged of a run. */
export function checkedRun(run: Run): CheckedRun {
  return {
    check: run.check,
    verdict: run.verdict,
    reasonCode: run.reasonCode,
    epoch: run.epoch === null ? undefined : epochFromJson(run.epoch),
    keysCompared: BigInt(run.keysCompared),
    tornCuts: run.capture.torn,
  }
}

/** The figures of a soak, for the last line. */
export function summarize(record: SoakRecord, evidence: SoakEvidence) {
  const { checks, runs, final } = evidence
  const restartsOf = (role: Restart['role']) => record.restarts.filter(restart => restart.role === role)
  return {
    runs: runs.length,
    counted: countedOfAll(checks, runs),
    ...verdictsOf(runs),
    checks: Object.fromEntries(checks.map(check => [check, summarizeCheck(check, record, evidence)])),
    tornAndRetried: runs.reduce((sum, run) => sum + run.tornCuts, 0),
    runsWithTornCuts: runs.filter(run => run.tornCuts > 0).length,
    lagEvents: distributionOf(record.lags.map(({ events }) => events)),
    lagMs: distributionOf(record.lags.map(({ ms }) => ms)),
    eventsPerSecond: evidence.eventsPerSecond,
    transfers: evidence.transfers,
    naive: {
      comparisons: record.naive.length,
      comparisonsWithFalseDifferences: record.naive.filter(differing => differing > 0).length,
      falseDifferences: record.naive.reduce((sum, differing) => sum + differing, 0),
    },
    restarts: {
      sink: restartsOf('sink').length,
      tradeEngine: restartsOf('trade-engine').length,
      outageMs: distributionOf(record.restarts.map(({ outageMs }) => outageMs)),
    },
    final: {
      accounts: final.accounts.toString(),
      transactions: final.transactions.toString(),
    },
  }
}

/** The figures of one check. */
function summarizeCheck(check: string, record: SoakRecord, { runs, final }: SoakEvidence) {
  const own = runs.filter(run => run.check === check)
  const timed = record.runs.filter(run => run.check === check)
  const rested = final.runs.find(run => run.check === check)
  return {
    runs: own.length,
    counted: countedRuns(own).length,
    ...verdictsOf(own),
    checkMs: distributionOf(timed.map(run => Math.round(run.durationMs.total))),
    waitedMs: distributionOf(timed.map(run => Math.round(run.horizon.waitedMs))),
    readAndCompareMs: distributionOf(timed.map(run => Math.round(run.durationMs.read + run.durationMs.compare))),
    atRest: {
      verdict: rested?.verdict ?? null,
      keysCompared: rested?.keysCompared.toString() ?? null,
      keys: final.keys[check]?.toString() ?? null,
    },
  }
}

function verdictsOf(runs: readonly CheckedRun[]) {
  const number = (verdict: CheckedRun['verdict']) => runs.filter(run => run.verdict === verdict).length
  const inconclusiveByReason: Record<string, number> = {}
  for (const { verdict, reasonCode } of runs)
    if (verdict === 'inconclusive') inconclusiveByReason[reasonCode] = (inconclusiveByReason[reasonCode] ?? 0) + 1
  return { balanced: number('balanced'), diffs: number('diff'), inconclusive: number('inconclusive'), inconclusiveByReason }
}
