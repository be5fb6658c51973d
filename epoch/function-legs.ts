import { type Epoch, project, streamsShortOf } from './epoch.ts'
import type { AsOfLeg, Capture, LegContext, SnapshotLeg } from './leg.ts'
import { encodeRows, type PlainRow, withCanary } from './plain-row.ts'
import type { RowShape } from './row.ts'

/** The current state of anything that can be read at one instant, and the epoch it stands at. */
export interface FunctionState {
  /** What the leg is called in reasons. */
  readonly store: string
  readonly streams: readonly string[]
  readonly shape: RowShape
  /** Reads epoch, greatest stamps and rows at one instant: nothing may be folded in between. Without `stamps` a torn cut cannot be told. */
  capture(context: LegContext): Promise<{ readonly epoch: Epoch; readonly stamps?: Epoch; readonly rows: readonly PlainRow[] }>
}

/** History that can be asked for any epoch that it has reached. */
export interface FunctionHistory {
  readonly store: string
  readonly streams: readonly string[]
  readonly shape: RowShape
  /** The greatest epoch up to which everything can be read. */
  reached(context: LegContext): Promise<Epoch>
  /** The rows as of the epoch: every fact at or below it, and nothing else. */
  rowsAsOf(epoch: Epoch, context: LegContext): Promise<readonly PlainRow[]>
}

const POLL_MS = 10

/** Makes a snapshot leg out of a function, so that whatever has a state and an epoch can be one side of a relation. */
export function functionSnapshotLeg(state: FunctionState): SnapshotLeg {
  return {
    kind: 'snapshot',
    store: state.store,
    streams: state.streams,
    capture: async context => {
      const { epoch, stamps = {}, rows } = await state.capture(context)
      const capture: Capture = {
        epoch: project(epoch, state.streams),
        stamps: project(stamps, state.streams),
        drain: async () => {
          const bytes = encodeRows(withCanary(rows, state.shape, context), state.shape)
          return { rows: BigInt(rows.length), bytes: bytes.length, lines: () => chunksOf(bytes), dispose: async () => undefined }
        },
        discard: async () => undefined,
      }
      return capture
    },
  }
}

/**
 * Makes an as-of leg out of functions. Its horizon is what `reached` says: no watermark counts the rows, so the evidence calls it `settle`, the weaker kind.
 */
export function functionAsOfLeg(history: FunctionHistory): AsOfLeg {
  return {
    kind: 'as-of',
    store: history.store,
    streams: history.streams,
    strategy: 'settle',
    awaitHorizon: async (epoch, deadlineMs, context) => {
      const needed = project(epoch, history.streams)
      for (;;) {
        const reached = project(await history.reached(context), history.streams)
        const behind = streamsShortOf(reached, needed)
        if (behind.length === 0) return { kind: 'reached', horizon: { strategy: 'settle', table: history.store, at: needed } }
        const leftMs = deadlineMs - context.clock.monotonicMs()
        if (leftMs <= 0) {
          const gaps = behind.map(stream => ({
            table: history.store,
            stream,
            standsAt: reached[stream] ?? 0n,
            needed: needed[stream] ?? 0n,
          }))
          return { kind: 'behind', gaps }
        }
        await context.clock.sleep(Math.min(POLL_MS, leftMs), context.signal)
      }
    },
    read: (epoch, _horizon, context) => {
      const none = Object.fromEntries(history.streams.map(stream => [stream, 0n]))
      let rows = 0n
      return { lines: readLines(), counted: () => ({ facts: none, addresses: none, undeclared: 0n, rows }) }
      async function* readLines() {
        const asOf = await history.rowsAsOf(project(epoch, history.streams), context)
        rows = BigInt(asOf.length)
        yield encodeRows(withCanary(asOf, history.shape, context), history.shape)
      }
    },
    awaitChange: async () => false,
    isCaughtUp: async () => true,
    findConflicts: async () => [],
  }
}

async function* chunksOf(bytes: Uint8Array) {
  yield bytes
}
