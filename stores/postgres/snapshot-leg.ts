import type { Epoch } from '../../epoch/epoch.ts'
import type { Capture, ReadContext, SnapshotLeg } from '../../epoch/leg.ts'
import { drainRows } from './drain-rows.ts'
import { quoteIdentifier } from './identifiers.ts'
import type { PostgresRows, StreamSource } from './postgres-rows.ts'
import type { PostgresStore } from './postgres-store.ts'
import { openSession, type PostgresSession } from './session.ts'
import { beginSnapshot, readEpoch, readSequences } from './snapshot.ts'

/** The current state of a PostgreSQL table, or of any select over one snapshot. */
export interface PostgresState extends PostgresRows {
  readonly store: PostgresStore
  readonly streams: readonly StreamSource[]
  /** A select of one row: the greatest stamp of any state row, a column per stream named after it. */
  readonly stamps: string
  /** How much of the rows may stay in memory; the rest goes to a temporary file. */
  readonly memoryBytesMax: number
}

/** Makes the snapshot leg of a relation out of PostgreSQL state: capture and prove of the primitive (design section 3). */
export function postgresSnapshotLeg(state: PostgresState): SnapshotLeg {
  let answered = false
  return {
    kind: 'snapshot',
    store: state.store.name,
    streams: state.streams.map(stream => stream.name),
    capture: async context => {
      const session = await openSession(state.store, context, answered)
      answered = true
      try {
        await session.query(beginSnapshot(state.store))
        const epoch = await readEpoch(session, state.streams)
        const stamps = await readSequences(
          session,
          `select ${state.streams.map(stampColumn).join(', ')} from (${state.stamps}) as s`,
          state.streams,
        )
        return openCapture(state, session, context, epoch, stamps)
      } catch (error) {
        await session.close()
        throw error
      }
    },
  }
}

function stampColumn({ name }: StreamSource): string {
  const column = quoteIdentifier(name)
  return `coalesce(s.${column}, 0)::text as ${column}`
}

function openCapture(state: PostgresState, session: PostgresSession, context: ReadContext, epoch: Epoch, stamps: Epoch): Capture {
  return {
    epoch,
    stamps,
    discard: () => session.close(),
    drain: async () => {
      try {
        return await drainRows(session, state, state.memoryBytesMax, context)
      } finally {
        await session.close()
      }
    },
  }
}
