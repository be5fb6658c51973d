import { ReconError } from './recon-error.ts'

/** A position in one stream: the feed's own counter, 0 to 2^63-1, where 0 means that nothing was consumed yet. */
export type Sequence = bigint

/**
 * One sequence per stream: `{dropcopy: 1045n, cash: 87n}`. "As of E" means every fact with `sequence <= E[stream]`, and nothing else.
 * A stream that an epoch does not name stands at 0 in it. Epochs are partially ordered (vector clocks; RFC section 5).
 */
export type Epoch = Readonly<Record<string, Sequence>>

/** How two epochs stand to each other; `concurrent` when each is ahead of the other in some stream. */
export type EpochOrder = 'before' | 'equal' | 'after' | 'concurrent'

/** The greatest sequence that any store of the model can hold: a PostgreSQL bigint. */
export const SEQUENCE_MAX: Sequence = 2n ** 63n - 1n

/** Reads the sequence of one stream; a stream that is not named stands at 0. */
export function sequenceOf(epoch: Epoch, stream: string): Sequence {
  return Object.hasOwn(epoch, stream) ? (epoch[stream] ?? 0n) : 0n
}

/** Whether everything as of `a` is also as of `b`: `a` is at or below `b` in every stream. */
export function isAtOrBelow(a: Epoch, b: Epoch): boolean {
  return streamsOf(a).every(stream => sequenceOf(a, stream) <= sequenceOf(b, stream))
}

/** Compares two epochs as vectors. */
export function orderEpochs(a: Epoch, b: Epoch): EpochOrder {
  const below = isAtOrBelow(a, b)
  const above = isAtOrBelow(b, a)
  if (below) return above ? 'equal' : 'before'
  return above ? 'after' : 'concurrent'
}

/** M(E1, E2): the component-wise minimum, the greatest epoch that both stand at or above. */
export function meet(a: Epoch, b: Epoch): Epoch {
  return combine(a, b, (x, y) => (x < y ? x : y))
}

/** The component-wise maximum: the least epoch at or above both. */
export function join(a: Epoch, b: Epoch): Epoch {
  return combine(a, b, (x, y) => (x > y ? x : y))
}

/** The streams of `required` that `reached` is still short of, in the order of `required`. */
export function streamsShortOf(reached: Epoch, required: Epoch): readonly string[] {
  return streamsOf(required).filter(stream => sequenceOf(reached, stream) < sequenceOf(required, stream))
}

/** The epoch reduced to the streams that a leg declares. */
export function project(epoch: Epoch, streams: readonly string[]): Epoch {
  return fromStreams(streams, stream => sequenceOf(epoch, stream))
}

/** Writes an epoch as JSON does: sequences are decimal strings, since a number would lose digits above 2^53. */
export function epochToJson(epoch: Epoch): Readonly<Record<string, string>> {
  return Object.fromEntries(streamsOf(epoch).map(stream => [stream, sequenceOf(epoch, stream).toString()]))
}

/** Reads an epoch from JSON. Throws `ReconError` with code `invalid-epoch` when a value is not a sequence written as a string. */
export function epochFromJson(json: Readonly<Record<string, unknown>>): Epoch {
  if (typeof json !== 'object' || json === null)
    throw new ReconError('invalid-epoch', `an epoch is an object of sequences, not ${describe(json)}`)
  return fromStreams(Object.keys(json), stream => parseSequence(json[stream], `epoch component "${stream}"`))
}

/** Reads a sequence from decimal text or a bigint. Throws `ReconError` with code `invalid-epoch` naming `where` otherwise. */
export function parseSequence(value: unknown, where: string): Sequence {
  const sequence = typeof value === 'bigint' ? value : typeof value === 'string' && /^\d{1,19}$/.test(value) ? BigInt(value) : undefined
  if (sequence === undefined || sequence < 0n || sequence > SEQUENCE_MAX) {
    throw new ReconError('invalid-epoch', `${where} must be a sequence from 0 to ${SEQUENCE_MAX} written as text, not ${describe(value)}`)
  }
  return sequence
}

/** Writes an epoch for a person: `dropcopy=1045 cash=87`. */
export function formatEpoch(epoch: Epoch): string {
  return streamsOf(epoch)
    .map(stream => `${stream}=${sequenceOf(epoch, stream)}`)
    .join(' ')
}

/** Builds an epoch from the streams and a sequence for each. */
export function fromStreams(streams: readonly string[], sequence: (stream: string) => Sequence): Epoch {
  return Object.fromEntries(streams.map(stream => [stream, sequence(stream)]))
}

function streamsOf(epoch: Epoch): string[] {
  return Object.keys(epoch)
}

function combine(a: Epoch, b: Epoch, pick: (x: Sequence, y: Sequence) => Sequence): Epoch {
  const streams = [...new Set([...streamsOf(a), ...streamsOf(b)])]
  return fromStreams(streams, stream => pick(sequenceOf(a, stream), sequenceOf(b, stream)))
}

function describe(value: unknown): string {
  return typeof value === 'string' ? JSON.stringify(value) : `the ${typeof value} ${String(value)}`
}
