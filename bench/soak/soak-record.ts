import type { Run } from '../../checks/run.ts'
import { epochFromJson } from '../../epoch/epoch.ts'
import { distributionOf } from './distribution.ts'
import { type CheckedRun, countedRuns, type SoakEvidence } from './judge-soak.ts'
import type { Restart } from './restarts.ts'

/** How far the sink was behind when a cut was captured. */
export interface SinkLag {
  /** Dropcopy events up to the captured epoch that the sink did not yet vouch for. */
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
    verdict: run.verdict,
    reasonCode: run.reasonCode,
    epoch: run.epoch === null ? undefined : epochFromJson(run.epoch),
    keysCompared: BigInt(run.keysCompared),
    tornCuts: run.capture.torn,
  }
}

/** The figures of a soak, for the last line. */
export function summarize(record: SoakRecord, evidence: SoakEvidence) {
  const { runs } = evidence
  const number = (verdict: CheckedRun['verdict']) => runs.filter(run => run.verdict === verdict).length
  const inconclusiveByReason: Record<string, number> = {}
  for (const { verdict, reasonCode } of runs)
    if (verdict === 'inconclusive') inconclusiveByReason[reasonCode] = (inconclusiveByReason[reasonCode] ?? 0) + 1
  const restartsOf = (role: Restart['role']) => record.restarts.filter(restart => restart.role === role)
  return {
    checks: runs.length,
    counted: countedRuns(runs).length,
    balanced: number('balanced'),
    diffs: number('diff'),
    inconclusive: number('inconclusive'),
    inconclusiveByReason,
    tornAndRetried: runs.reduce((sum, run) => sum + run.tornCuts, 0),
    checksWithTornCuts: runs.filter(run => run.tornCuts > 0).length,
    lagEvents: distributionOf(record.lags.map(({ events }) => events)),
    lagMs: distributionOf(record.lags.map(({ ms }) => ms)),
    waitedMs: distributionOf(record.runs.map(run => Math.round(run.horizon.waitedMs))),
    checkMs: distributionOf(record.runs.map(run => Math.round(run.durationMs.total))),
    readAndCompareMs: distributionOf(record.runs.map(run => Math.round(run.durationMs.read + run.durationMs.compare))),
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
      verdict: evidence.final.run.verdict,
      keysCompared: evidence.final.run.keysCompared.toString(),
      keys: evidence.final.keys.toString(),
      accounts: evidence.final.accounts.toString(),
      transactions: evidence.final.transactions.toString(),
    },
  }
}
