import type { Epoch } from '../../epoch/epoch.ts'
import type { Lines } from '../../epoch/leg.ts'
import type { Checkpoint, Segment } from './checkpoint.ts'

/** A checkpoint about to be kept. */
export interface NewCheckpoint extends Omit<Checkpoint, 'keys' | 'digest' | 'madeAt' | 'auditedAt'> {
  readonly leg: string
  readonly history: string
  readonly check: string
  readonly runId: string
  readonly era: bigint
}

/** The values of a checkpoint, or what is to be found where they stand. */
export type VerifiedValues = { readonly lines: Lines } | { readonly keys: bigint; readonly digest: string }

/** How far a stream of a history is sealed: all segments before `next`. */
export interface SealedStream {
  readonly stream: string
  readonly next: bigint
}

/** What of a segment an audit compares. */
export interface SealedSegment {
  readonly number: bigint
  readonly facts: bigint
  readonly digest: string
}

/** A history whose streams are sealed, as far as they are. */
export interface SealedHistory {
  readonly history: string
  /** Another one after whatever stood on the seals was voided. */
  readonly generation: string
  readonly title: string
  readonly segmentSequences: bigint
  readonly streams: readonly SealedStream[]
  readonly segments: bigint
  /** When the segment that was looked at least recently was last seen unchanged, ISO 8601; null where there is none. */
  readonly auditedAt: string | null
}

/** A stretch of whole segments to be looked at together, both ends included; `segments` of them hold facts. */
export interface AuditStretch {
  readonly history: string
  readonly stream: string
  readonly first: bigint
  readonly last: bigint
  readonly segments: bigint
}

/** Whoever may make checkpoints of a leg, alone, until it lets go. Each call fails once the connection that holds the lock is gone. */
export interface CheckpointLease {
  /**
   * How far the streams are sealed. What was sealed in an earlier era or in segments of another size is forgotten first, with the checkpoints that stand on it.
   * Undefined, and nothing forgotten, where an epoch was accepted since the era. What is sealed or saved later under the lease is refused with `ReconError` code
   * `superseded` when somebody has voided the history in between.
   */
  sealed(
    history: string,
    title: string,
    era: bigint,
    segmentSequences: bigint,
    streams: readonly string[],
  ): Promise<readonly SealedStream[] | undefined>
  /** Adds segments and moves on to `next`, in one transaction. */
  seal(history: string, stream: string, segments: readonly Segment[], next: bigint): Promise<void>
  /** How many facts the sealed segments before `next` hold. */
  factsBefore(history: string, stream: string, next: bigint): Promise<bigint>
  newId(): Promise<bigint>
  /** Keeps a checkpoint: its values as lines, or what a reading of them must find where they stand elsewhere; false, and nothing kept, where an epoch was accepted since its era. */
  save(checkpoint: NewCheckpoint, values: VerifiedValues): Promise<boolean>
  /** Throws away all but the newest checkpoints of the leg; gives the ids of those that are kept. */
  retire(leg: string, keep: number): Promise<readonly bigint[]>
}

/**
 * What recon's own database knows of checkpoints. Whatever it forgets is read again from the history itself, so that throwing away is always safe.
 * Every method rejects with `StoreError` when the database cannot answer.
 */
export interface CheckpointLedger {
  /** Another one for each database of recon's own. */
  identity(signal: AbortSignal): Promise<string>
  /** The newest checkpoint of the current era that covers nothing above the epoch. */
  find(leg: string, epoch: Epoch, signal: AbortSignal): Promise<Checkpoint | undefined>
  /** The canonical lines of a checkpoint that stands here. */
  lines(id: bigint, signal: AbortSignal): Lines
  /** Throws one checkpoint away, since it is not what it was. */
  discard(id: bigint, signal: AbortSignal): Promise<void>
  /** Runs `work` as the only maker of checkpoints over this history; undefined, and nothing run, while somebody else is. */
  lease<T>(history: string, signal: AbortSignal, work: (lease: CheckpointLease) => Promise<T>): Promise<T | undefined>
  /** Throws away every checkpoint over a history (over all of them where undefined) together with its seals; gives how many checkpoints. */
  forget(history: string | undefined, signal: AbortSignal): Promise<bigint>
  /** Throws away the checkpoints over a history, whose seals stay. */
  discardOver(history: string, signal: AbortSignal): Promise<void>
  histories(signal: AbortSignal): Promise<readonly SealedHistory[]>
  /** The generation of a history now; undefined where it is not sealed. */
  generation(history: string, signal: AbortSignal): Promise<string | undefined>
  /** The sealed segments of a stream from one number up to and with another, in ascending order. */
  segments(history: string, stream: string, first: bigint, last: bigint, signal: AbortSignal): Promise<readonly SealedSegment[]>
  /**
   * What an audit of these histories must look at, the stretches that were looked at least recently first: each is a sealed segment with the empty ones before
   * it, and behind the last one of its stream.
   */
  auditPlan(histories: readonly string[], signal: AbortSignal): Promise<readonly AuditStretch[]>
  entries(history: string, stream: string, segment: bigint, signal: AbortSignal): Promise<Uint8Array>
  /** Notes that segments were seen unchanged just now. */
  audited(history: string, stream: string, numbers: readonly bigint[], signal: AbortSignal): Promise<void>
}
