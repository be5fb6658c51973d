import type { CanaryRow } from './canary.ts'
import type { Clock } from './clock.ts'
import type { Epoch } from './epoch.ts'
import type { CountedRows, Horizon, HorizonReply } from './horizon.ts'

/** What every step of a leg is given: it stops when the signal aborts, and rejects with the signal's reason. */
export interface LegContext {
  readonly signal: AbortSignal
  readonly clock: Clock
}

/** What a step that gives rows is told beside: the row that it must carry to show that the comparison can see. */
export interface ReadContext extends LegContext {
  readonly canary?: CanaryRow
}

/** Rows as canonical lines (line.ts) in ascending byte order of their keys; chunks may be cut anywhere. */
export type Lines = AsyncIterable<Uint8Array>

/** One side of a relation. It declares the streams it depends on. */
export type Leg = SnapshotLeg | AsOfLeg

/** A leg that brings its own epoch: the current state of a store, read in one transaction. */
export interface SnapshotLeg {
  readonly kind: 'snapshot'
  readonly store: string
  readonly streams: readonly string[]
  /**
   * Opens the one transaction and reads the epoch first, then the greatest stamps. Rejects with `StoreError`.
   * The caller must call `drain` or `discard` on what it gets.
   */
  capture(context: ReadContext): Promise<Capture>
}

/** A cut in the making: its epoch and stamps are read, its transaction is open, its rows are not read yet. */
export interface Capture {
  readonly epoch: Epoch
  /** The greatest stamp of any state row, per stream; 0 where there are no rows. */
  readonly stamps: Epoch
  /** Reads all rows at the store's full speed into a spool and commits; nothing that consumes them can slow it. */
  drain(): Promise<DrainedRows>
  /** Ends the transaction without reading the rows. Safe to call after `drain`. */
  discard(): Promise<void>
}

/** Rows at rest, which can be read more than once. The owner must `dispose`. */
export interface DrainedRows {
  /** How many rows, the canary not counted. */
  readonly rows: bigint
  readonly bytes: number
  lines(): Lines
  dispose(): Promise<void>
}

/** A leg that answers for any epoch at or below its horizon: append-only history. */
export interface AsOfLeg {
  readonly kind: 'as-of'
  readonly store: string
  readonly streams: readonly string[]
  /** How it is known that the store shows everything up to an epoch. */
  readonly strategy: Horizon['strategy']
  /** Waits until the store is known to show everything up to `epoch`, or until `deadlineMs` on the context's monotonic clock. */
  awaitHorizon(epoch: Epoch, deadlineMs: number, context: LegContext): Promise<HorizonReply>
  /** Starts to read the rows as of `epoch`, counting in the same statement what proves them complete up to `horizon`. */
  read(epoch: Epoch, horizon: Horizon, context: ReadContext): AsOfReading
  /** Waits until the store shows other rows than the ones counted; false when the deadline comes first. */
  awaitChange(horizon: Horizon, counted: CountedRows, deadlineMs: number, context: LegContext): Promise<boolean>
  /** Whether the server that answers is known to have everything that was ever written to it: a single server is, a replica with a queue is not. */
  isCaughtUp(context: LegContext): Promise<boolean>
  /** The content addresses under which two different facts stand, at most `limit` of them, for the evidence. */
  findConflicts(horizon: Horizon, limit: number, context: LegContext): Promise<readonly string[]>
  /**
   * Keeps what a balanced run verified, so that the runs after it read only what came since; absent where the leg always reads everything. Does nothing unless
   * the leg itself was read to its end and found complete up to the epoch. Resolves to what was done, in words; rejects with `StoreError`, and then the next
   * run reads as this one did.
   */
  advance?(verified: VerifiedRun, context: LegContext): Promise<string>
  /** Throws away whatever was kept of the history that the leg reads, also for other legs; absent where nothing is ever kept. Resolves to how many checkpoints. */
  forget?(context: LegContext): Promise<bigint>
}

/** A run that was balanced, under watermarks, from whose epoch on checkpoints may be made. */
export interface VerifiedRun {
  readonly check: string
  readonly runId: string
  readonly epoch: Epoch
  /** The era of accepted epochs that the run began in. */
  readonly era: bigint
  /** Makes a checkpoint however little there is to save. */
  readonly always?: boolean
}

/** A reading in progress. `counted` settles once `lines` has been read to its end; a response that was cut off rejects in `lines`. */
export interface AsOfReading {
  readonly lines: Lines
  counted(): CountedRows
}
