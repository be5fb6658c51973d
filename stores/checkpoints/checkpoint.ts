import type { Epoch, Sequence } from '../../epoch/epoch.ts'
import { sequenceOf } from '../../epoch/epoch.ts'

/**
 * What a leg has verified and need not read again: the values of all of its keys over every fact below `from`, in each of its streams, and how many facts
 * those are. `from` is the first sequence that a run must still read.
 */
export interface Checkpoint {
  readonly id: bigint
  readonly from: Epoch
  readonly facts: Readonly<Record<string, bigint>>
  /** How many keys it holds, and the sum of their rows' hashes: what a reading of it must find. */
  readonly keys: bigint
  readonly digest: string
  readonly layout: CheckpointLayout
  readonly madeAt: string
  /** When the segment under it that was looked at least recently was last seen to be as it was verified; null where it covers none. */
  readonly auditedAt: string | null
}

/** Where the values of a checkpoint stand: in a ClickHouse table, computed there, or as canonical lines in recon's own PostgreSQL. */
export type CheckpointLayout = 'clickhouse' | 'postgres'

/** When checkpoints are made, and of what. */
export interface CheckpointPolicy {
  /** How many sequences make a segment. */
  readonly segmentSequences: bigint
  /** A run that had fewer rows to read than this makes no new one. */
  readonly rowsMin: bigint
  /** How many of a leg are kept: a run that began before the newest was made stands below it, and goes on from the one before. */
  readonly keep: number
}

/** What the service and the commands go by. */
export const DEFAULT_CHECKPOINT_POLICY: CheckpointPolicy = { segmentSequences: 4096n, rowsMin: 50_000n, keep: 3 }

/** The first sequence of each stream that lies in a segment which the epoch does not fill: everything below it is in whole segments. */
export function wholeSegments(epoch: Epoch, streams: readonly string[], { segmentSequences }: CheckpointPolicy): Epoch {
  const from = (stream: string): Sequence => ((sequenceOf(epoch, stream) + 1n) / segmentSequences) * segmentSequences
  return Object.fromEntries(streams.map(stream => [stream, from(stream)]))
}

/** Whether a checkpoint covers nothing above the epoch, so that a reading as of it may go on from there. */
export function isUsableAt(from: Epoch, epoch: Epoch): boolean {
  return Object.entries(from).every(([stream, sequence]) => sequence <= sequenceOf(epoch, stream) + 1n)
}

/** A stretch of one stream whose facts were verified together: sequences `number * size` up to, without, the next one's first. */
export interface Segment {
  readonly stream: string
  readonly number: bigint
  readonly facts: bigint
  /** The sum, modulo 2^128, of the hashes of its facts. */
  readonly digest: string
  /** For each sequence that has facts, how many and the low half of the sum of their hashes; in ascending order. */
  readonly entries: Uint8Array
}

/** One sequence of a segment. */
export interface SegmentEntry {
  readonly offset: number
  readonly facts: number
  readonly hash: bigint
}

const ENTRY_BYTES = 16

/** Reads the entries of a segment. */
export function segmentEntries(bytes: Uint8Array): readonly SegmentEntry[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  return Array.from({ length: Math.floor(bytes.byteLength / ENTRY_BYTES) }, (_, at) => ({
    offset: view.getUint32(at * ENTRY_BYTES, true),
    facts: view.getUint32(at * ENTRY_BYTES + 4, true),
    hash: view.getBigUint64(at * ENTRY_BYTES + 8, true),
  }))
}
