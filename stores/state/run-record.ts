import type { Verdict } from '../../epoch/verdict.ts'

/** What recon's own database must know of a run to record it: the head of a `recon.run/1` document, which is kept whole beside it. */
export interface RecordableRun {
  readonly runId: string
  readonly check: string
  readonly verdict: Verdict
  readonly reasonCode: string
  readonly epoch?: Readonly<Record<string, string>> | null
  /** Whose epoch it is, where it is not how far the engine had come: then it does not bind the runs after it. */
  readonly epochOf?: string
  readonly startedAt: string
  readonly finishedAt: string
}

/** A recorded run; `document` is the JSON text exactly as it was recorded. */
export interface RunRecord {
  readonly runId: string
  readonly check: string
  readonly verdict: Verdict
  readonly reasonCode: string
  readonly epoch: Readonly<Record<string, string>> | null
  readonly startedAt: string
  readonly finishedAt: string
  readonly recordedAt: string
  readonly document: string
}

/** Which runs to list, newest first: of one check, of one verdict, recorded before a run. */
export interface HistoryQuery {
  readonly check?: string | undefined
  readonly verdict?: Verdict | undefined
  readonly before?: string | undefined
  readonly limit: number
}
