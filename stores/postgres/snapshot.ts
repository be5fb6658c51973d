import { type Epoch, fromStreams, parseSequence } from '../../epoch/epoch.ts'
import { quoteIdentifier } from './identifiers.ts'
import type { StreamSource } from './postgres-rows.ts'
import type { PostgresStore } from './postgres-store.ts'
import type { PostgresSession } from './session.ts'

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

/** Reads one row of sequences as text, a column for each stream; NULL counts as 0 where the statement says so. */
export async function readSequences(session: PostgresSession, sql: string, streams: readonly StreamSource[]): Promise<Epoch> {
  const [row] = await session.query<Record<string, unknown>>(sql)
  return fromStreams(
    streams.map(stream => stream.name),
    name => parseSequence(row?.[name], `the sequence of stream "${name}" in PostgreSQL`),
  )
}
