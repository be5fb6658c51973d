import { type Epoch, fromStreams, parseSequence } from '../../epoch/epoch.ts'
import type { Capture, ReadContext, SnapshotLeg } from '../../epoch/leg.ts'
import { drainRows, type PostgresRows } from './drain-rows.ts'
import { quoteIdentifier } from './identifiers.ts'
import type { PostgresStore } from './postgres-store.ts'
import { openSession, type PostgresSession } from './session.ts'

/** A stream and the SQL scalar that tells how far PostgreSQL has folded it; no row and NULL count as 0. */
export interface StreamSource {
  readonly name: string
  readonly sql: string
}

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

/**
 * Begins the capture. None of these statements takes the snapshot: REPEATABLE READ does that at the first query, which must be the one that
 * reads the epoch. row_security = off makes a policy that would hide rows an error instead of a silent gap.
 */
export function beginSnapshot(store: PostgresStore): string {
  return `begin isolation level repeatable read read only;
    set local statement_timeout = ${Math.ceil(store.statementTimeoutMs)};
    set local idle_in_transaction_session_timeout = ${Math.ceil(store.statementTimeoutMs)};
    set local lock_timeout = ${Math.ceil(store.statementTimeoutMs)};
    set local row_security = off;
    set local work_mem = '128MB';
    set local jit = off`
}

/** Reads how far each stream is folded; the first query of a snapshot. */
export function readEpoch(session: PostgresSession, streams: readonly StreamSource[]): Promise<Epoch> {
  return readSequences(session, `select ${streams.map(epochColumn).join(', ')}`, streams)
}

function epochColumn({ name, sql }: StreamSource): string {
  return `coalesce((${sql}), 0)::text as ${quoteIdentifier(name)}`
}

function stampColumn({ name }: StreamSource): string {
  const column = quoteIdentifier(name)
  return `coalesce(s.${column}, 0)::text as ${column}`
}

async function readSequences(session: PostgresSession, sql: string, streams: readonly StreamSource[]): Promise<Epoch> {
  const [row] = await session.query<Record<string, unknown>>(sql)
  return fromStreams(
    streams.map(stream => stream.name),
    name => parseSequence(row?.[name], `the sequence of stream "${name}" in PostgreSQL`),
  )
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
