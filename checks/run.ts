import type { Mismatch, NamedFields } from '../epoch/mismatch.ts'
import type { Verdict } from '../epoch/verdict.ts'

/** An epoch as JSON: sequences are text. */
export type JsonEpoch = Readonly<Record<string, string>>

/** How far one as-of leg was known to be complete, and what was counted while it was read. */
export interface LegHorizon {
  readonly table: string
  readonly at: JsonEpoch
  /** What the watermarks vouch for; absent where the horizon was only settled. */
  readonly rowsTotal?: JsonEpoch
  /** Distinct facts and distinct content addresses at or below the horizon, per stream, as the last reading counted them. */
  readonly facts?: JsonEpoch
  readonly addresses?: JsonEpoch
  /** What was not read again, since it had been verified before: everything below these sequences. Absent where everything was read. */
  readonly verified?: {
    readonly below: JsonEpoch
    readonly madeAt: string
    /** When that of its segments which was looked at least recently was last seen unchanged, and how long ago that was when the run began. */
    readonly auditedAt: string | null
    readonly auditAgeMs: number | null
  }
  /** All rows read, and how many of them were repeated deliveries of a fact. */
  readonly rows?: string
  readonly duplicates?: string
}

/** One thing that is wrong, or strange: of what kind, where, and what was seen. Sequences and amounts are text. */
export interface Finding {
  readonly kind: string
  readonly key: NamedFields
  readonly detail: NamedFields
}

/** One movement that is on its way between two stores, and what it adds to the right side. */
export interface Explained {
  readonly reference: string
  readonly kind: string
  readonly asset: string
  readonly amount: string
  /** How long it has been on its way, in milliseconds; 0 for what does not wait for anything. */
  readonly ageMs: number
}

/**
 * One run of one check, `recon.run/1`: the verdict and all the evidence for it. Sequences, counts and money are text; only durations are
 * numbers. The fields of design section 8 do not drift; others may be added.
 */
export interface Run {
  readonly schema: 'recon.run/1'
  readonly runId: string
  readonly check: string
  readonly verdict: Verdict
  readonly reasonCode: string
  readonly reason: string
  /** The epoch at which both sides were compared; null where none was captured. */
  readonly epoch: JsonEpoch | null
  /** Where the epoch is that of a mark cycle, which the sink computes: it says nothing about how far the engine had come. Absent: the engine's. */
  readonly epochOf?: 'mark-cycle'
  readonly keysCompared: string
  readonly mismatchCount: string
  /** The first mismatches in key order, as many as `maxMismatches` allows. */
  readonly mismatches: readonly Mismatch[]
  readonly horizon: {
    readonly strategy: 'watermark' | 'settle' | 'log' | null
    readonly waitedMs: number
    readonly legs: readonly LegHorizon[]
    readonly readings: number
  }
  /** How the cut was taken: captures tried, how many of them were torn, and the stamps of the last. */
  readonly capture: { readonly attempts: number; readonly torn: number; readonly stamps: JsonEpoch | null; readonly rows: string | null }
  /** Content addresses that hold more than one fact, the first ones. */
  readonly conflicts: readonly string[]
  /** Whether the difference planted in the legs' answers was found (and taken out again); null where it did not come to a comparison. */
  readonly canary: 'found' | 'missed' | null
  /** What a check found beside the keys that differ, or behind them: one entry for each fact that is wrong, the first ones. */
  readonly findings: readonly Finding[]
  /** In a check that allows for what is on its way: what was allowed for, by name. */
  readonly explained?: readonly Explained[]
  /** What went wrong beside the check and changes no verdict. */
  readonly warnings: readonly string[]
  readonly startedAt: string
  readonly finishedAt: string
  /**
   * `capture`: until the rows of the snapshot leg were drained. `wait`: from the epoch being known to the horizons being reached. `read`: from
   * there to the first row of the answer. `compare`: the merge, while the rest of the answer comes. Capture overlaps wait and read.
   */
  readonly durationMs: {
    readonly capture: number
    readonly wait: number
    readonly read: number
    readonly compare: number
    readonly total: number
  }
}
