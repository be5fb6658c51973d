import type { Clock } from '../epoch/clock.ts'
import { type Epoch, epochToJson } from '../epoch/epoch.ts'
import type { CountedRows, Horizon, VerifiedHistory } from '../epoch/horizon.ts'
import type { Comparison } from '../epoch/mismatch.ts'
import type { Outcome } from '../epoch/verdict.ts'
import type { Explained, Finding, JsonEpoch, LegHorizon, Run } from './run.ts'

const PHASES = ['capture', 'wait', 'read', 'compare'] as const
type Phase = (typeof PHASES)[number]

const NOTHING_COMPARED: Comparison = { keysCompared: 0n, mismatchCount: 0n, mismatches: [] }

/** Collects the evidence of one run while it goes, and makes the `recon.run/1` document of it. */
export class RunRecord {
  epoch: Epoch | undefined
  epochOf: 'engine' | 'mark-cycle' = 'engine'
  stamps: Epoch | undefined
  attempts = 0
  torn = 0
  capturedRows: bigint | undefined
  readings = 0
  comparison: Comparison = NOTHING_COMPARED
  conflicts: readonly string[] = []
  findings: readonly Finding[] = []
  explained: readonly Explained[] | undefined
  horizons: readonly { readonly horizon: Horizon; counted?: CountedRows }[] = []
  readonly #warnings: string[] = []
  readonly #check: string
  readonly #runId: string
  readonly #strategy: Horizon['strategy'] | null
  readonly #clock: Clock
  readonly #startedWallMs: number
  readonly #startedMs: number
  readonly #spentMs: Record<Phase, number> = { capture: 0, wait: 0, read: 0, compare: 0 }

  constructor(check: string, runId: string, strategy: Horizon['strategy'] | null, clock: Clock) {
    this.#check = check
    this.#runId = runId
    this.#strategy = strategy
    this.#clock = clock
    this.#startedWallMs = clock.wallMs()
    this.#startedMs = clock.monotonicMs()
  }

  /** Forgets what an attempt that broke off had found; how often and how long was tried stays. */
  restart(): void {
    this.epoch = undefined
    this.epochOf = 'engine'
    this.stamps = undefined
    this.capturedRows = undefined
    this.comparison = NOTHING_COMPARED
    this.conflicts = []
    this.findings = []
    this.explained = undefined
    this.horizons = []
  }

  /** Notes what a reader of the run should know and what changes no verdict. */
  warn(warning: string): void {
    this.#warnings.push(warning)
  }

  /** Notes what a run opened and could not release. */
  readonly couldNotRelease = (error: unknown): void => {
    this.warn(`could not release: ${error instanceof Error ? error.message : String(error)}`)
  }

  /** Adds the time that `work` takes to a phase, also when it fails. */
  async timed<T>(phase: Phase, work: () => Promise<T>): Promise<T> {
    const fromMs = this.#clock.monotonicMs()
    try {
      return await work()
    } finally {
      this.#spentMs[phase] += this.#clock.monotonicMs() - fromMs
    }
  }

  /** The document. Durations are rounded to tenths of a millisecond. */
  finish(outcome: Outcome): Run {
    const totalMs = this.#clock.monotonicMs() - this.#startedMs
    const { comparison } = this
    return {
      schema: 'recon.run/1',
      runId: this.#runId,
      check: this.#check,
      verdict: outcome.verdict,
      reasonCode: outcome.reasonCode,
      reason: outcome.reason,
      epoch: this.epoch ? epochToJson(this.epoch) : null,
      ...(this.epochOf === 'engine' ? {} : { epochOf: this.epochOf }),
      keysCompared: comparison.keysCompared.toString(),
      mismatchCount: comparison.mismatchCount.toString(),
      mismatches: comparison.mismatches,
      horizon: {
        strategy: this.#strategy,
        waitedMs: tenths(this.#spentMs.wait),
        readings: this.readings,
        legs: this.horizons.map(({ horizon, counted }) => legHorizon(horizon, counted, this.#startedWallMs)),
      },
      capture: {
        attempts: this.attempts,
        torn: this.torn,
        stamps: this.stamps ? epochToJson(this.stamps) : null,
        rows: this.capturedRows?.toString() ?? null,
      },
      conflicts: this.conflicts,
      canary: comparison.canaryFound === undefined ? null : comparison.canaryFound ? 'found' : 'missed',
      findings: this.findings,
      ...(this.explained ? { explained: this.explained } : {}),
      warnings: this.#warnings,
      startedAt: new Date(this.#startedWallMs).toISOString(),
      finishedAt: new Date(this.#startedWallMs + totalMs).toISOString(),
      durationMs: {
        capture: tenths(this.#spentMs.capture),
        wait: tenths(this.#spentMs.wait),
        read: tenths(this.#spentMs.read),
        compare: tenths(this.#spentMs.compare),
        total: tenths(totalMs),
      },
    }
  }
}

function legHorizon(horizon: Horizon, counted: CountedRows | undefined, startedMs: number): LegHorizon {
  return {
    table: horizon.table,
    at: epochToJson(horizon.at),
    ...(horizon.strategy === 'watermark' ? { rowsTotal: texts(horizon.rowsTotal) } : {}),
    ...(counted ? countedEvidence(counted) : {}),
    ...(counted?.verified ? { verified: verifiedEvidence(counted.verified, startedMs) } : {}),
  }
}

function verifiedEvidence({ from, madeAt, auditedAt }: VerifiedHistory, startedMs: number) {
  const auditAgeMs = auditedAt === null ? null : Math.max(0, startedMs - Date.parse(auditedAt))
  return { below: epochToJson(from), madeAt, auditedAt, auditAgeMs }
}

function countedEvidence(counted: CountedRows) {
  const facts = Object.values(counted.facts).reduce((sum, count) => sum + count, counted.undeclared)
  return {
    facts: texts(counted.facts),
    addresses: texts(counted.addresses),
    rows: counted.rows.toString(),
    duplicates: (counted.rows > facts ? counted.rows - facts : 0n).toString(),
  }
}

function texts(counts: Readonly<Record<string, bigint>>): JsonEpoch {
  return Object.fromEntries(Object.entries(counts).map(([stream, count]) => [stream, count.toString()]))
}

function tenths(ms: number): number {
  return Math.round(ms * 10) / 10
}
