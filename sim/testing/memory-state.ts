import { type Epoch, fromStreams, join, project, type Sequence, sequenceOf } from '../../epoch/epoch.ts'
import type { Capture, ReadContext, SnapshotLeg } from '../../epoch/leg.ts'
import { encodeRows, type PlainRow, withCanary } from '../../epoch/plain-row.ts'
import type { RowShape } from '../../epoch/row.ts'
import { amountsOf, keyText } from './fact.ts'
import { atOnce, type RoundTrip } from './round-trip.ts'

/** A state row, and the sequences that last changed it. */
export interface StateRow {
  readonly row: PlainRow
  readonly stamps: Epoch
}

/** One transaction: all of it becomes visible at once. */
export interface StateChange {
  readonly put?: readonly StateRow[]
  /** Keys of rows that go. */
  readonly remove?: readonly PlainRow[]
  /** How far streams are folded from here on; others stay where they are. */
  readonly sequences?: Epoch
}

/** What a state store in memory is made of. */
export interface MemoryStateOptions {
  readonly shape: RowShape
  readonly streams: readonly string[]
  readonly store?: string
  /** The places of the value columns, 18 unless given. */
  readonly places?: number
  readonly roundTrip?: RoundTrip
}

/** State in memory with PostgreSQL's visibility: transactions are atomic, and a capture sees the commits before its first query and no others. */
export interface MemoryState {
  /** Commits one transaction. Throws `ReconError` (`invalid-amount`) and changes nothing for an amount that the column cannot hold. */
  commit(change: StateChange): void
  /** The row with this key as it stands now. */
  find(key: PlainRow): StateRow | undefined
  /** All rows as they stand now. */
  readonly rows: readonly StateRow[]
  /** How far a stream is folded now. */
  sequence(stream: string): Sequence
  /** Captures whose transaction is still open: none, once every run has settled. */
  readonly openTransactions: number
  readonly leg: SnapshotLeg
}

interface Committed {
  readonly rows: ReadonlyMap<string, StateRow>
  readonly sequences: Epoch
}

/** Makes an empty state store that stands at 0 in every stream. */
export function memoryState(options: MemoryStateOptions): MemoryState {
  const { shape, streams, store = 'memory-state', places = 18, roundTrip = atOnce } = options
  let committed: Committed = { rows: new Map(), sequences: fromStreams(streams, () => 0n) }
  let open = 0

  const capture = async (context: ReadContext): Promise<Capture> => {
    await roundTrip('connect', context)
    open++
    const close = closeOnce(() => open--)
    try {
      await roundTrip('begin', context)
      await roundTrip('epoch', context)
      const snapshot = committed
      await roundTrip('stamps', context)
      return openCapture(snapshot, context, close)
    } catch (error) {
      close()
      throw error
    }
  }

  const openCapture = ({ rows, sequences }: Committed, context: ReadContext, close: () => void): Capture => ({
    epoch: project(sequences, streams),
    stamps: project(
      [...rows.values()].reduce<Epoch>((most, { stamps }) => join(most, stamps), {}),
      streams,
    ),
    drain: async () => {
      try {
        await roundTrip('rows', context)
        const bytes = encodeRows(
          withCanary(
            [...rows.values()].map(({ row }) => row),
            shape,
            context,
          ),
          shape,
        )
        await roundTrip('commit', context)
        return { rows: BigInt(rows.size), bytes: bytes.length, lines: () => inPieces(bytes), dispose: async () => undefined }
      } finally {
        close()
      }
    },
    discard: async () => close(),
  })

  return {
    commit: ({ put = [], remove = [], sequences = {} }) => {
      const rows = new Map(committed.rows)
      for (const key of remove) rows.delete(keyText(key, shape))
      for (const { row, stamps } of put) rows.set(keyText(row, shape), { row: { ...row, ...amountsOf(row, shape, places) }, stamps })
      committed = { rows, sequences: { ...committed.sequences, ...sequences } }
    },
    find: key => committed.rows.get(keyText(key, shape)),
    get rows() {
      return [...committed.rows.values()]
    },
    sequence: stream => sequenceOf(committed.sequences, stream),
    get openTransactions() {
      return open
    },
    leg: { kind: 'snapshot', store, streams, capture },
  }
}

const PIECE_BYTES = 40

/** Bytes in pieces that end anywhere, as a socket gives them. */
export async function* inPieces(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += PIECE_BYTES) yield bytes.subarray(at, at + PIECE_BYTES)
}

function closeOnce(close: () => void): () => void {
  let closed = false
  return () => {
    if (!closed) close()
    closed = true
  }
}
