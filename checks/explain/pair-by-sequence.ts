import type { Sequence } from '../../epoch/epoch.ts'

/** What both sides say of one sequence of one stream. */
export interface SequencePair<Logged, Row> {
  readonly stream: string
  readonly sequence: Sequence
  readonly logged: readonly Logged[]
  readonly history: readonly Row[]
}

interface Placed {
  readonly stream: string
  readonly sequence: Sequence
}

/** Merges two sides, each in order of stream (by bytes) and sequence, into pairs; reads each once and holds no more than one pair. */
export async function* pairBySequence<Logged extends Placed, Row extends Placed>(
  logged: AsyncIterable<Logged>,
  history: AsyncIterable<Row>,
): AsyncGenerator<SequencePair<Logged, Row>> {
  const left = logged[Symbol.asyncIterator]()
  const right = history[Symbol.asyncIterator]()
  try {
    let [ours, theirs] = [await left.next(), await right.next()]
    while (!ours.done || !theirs.done) {
      const { stream, sequence } = least(ours.done ? undefined : ours.value, theirs.done ? undefined : theirs.value)
      const here = (fact: Placed) => fact.stream === stream && fact.sequence === sequence
      const pair: { stream: string; sequence: Sequence; logged: Logged[]; history: Row[] } = { stream, sequence, logged: [], history: [] }
      for (; !ours.done && here(ours.value); ours = await left.next()) pair.logged.push(ours.value)
      for (; !theirs.done && here(theirs.value); theirs = await right.next()) pair.history.push(theirs.value)
      yield pair
    }
  } finally {
    await left.return?.()
    await right.return?.()
  }
}

/** Orders two places by stream and sequence, as the stores do. */
export function comparePlaces(a: Placed, b: Placed): number {
  if (a.stream !== b.stream) return Buffer.compare(Buffer.from(a.stream), Buffer.from(b.stream))
  return a.sequence < b.sequence ? -1 : a.sequence > b.sequence ? 1 : 0
}

function least(a: Placed | undefined, b: Placed | undefined): Placed {
  const first = a && b ? (comparePlaces(a, b) <= 0 ? a : b) : (a ?? b)
  if (!first) throw new Error('neither side has anything left')
  return first
}
