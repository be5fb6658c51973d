import type { LegContext } from '../../epoch/leg.ts'
import { StoreError } from '../../epoch/store-error.ts'
import type { QueryColumn } from '../query-column.ts'
import type { SqlTemplate } from '../sql-template.ts'
import { bindEpoch, renderLogSql } from './log-leg.ts'
import type { StreamSource } from './postgres-rows.ts'
import type { PostgresStore } from './postgres-store.ts'
import { openSession, type PostgresSession } from './session.ts'

const WHOLE = new Set(['smallint', 'integer', 'bigint'])
const MATCHABLE = new Set([...WHOLE, 'text', 'character varying', 'character', 'name', 'uuid', 'date', 'boolean'])

/**
 * What each of the selects gives, by the live schema; nothing is read. A select that the server refuses as it is written comes back as the refusal. Rejects with
 * `StoreError` where the server cannot be asked.
 */
export async function describePostgresQueries(
  store: PostgresStore,
  streams: readonly StreamSource[],
  queries: readonly SqlTemplate[],
  context: LegContext,
): Promise<readonly (readonly QueryColumn[] | StoreError)[]> {
  const session = await openSession(store, context)
  try {
    await session.query(`set statement_timeout = ${Math.ceil(store.statementTimeoutMs)}; set default_transaction_read_only = on`)
    // Planning a select looks at what its places hold.
    await bindEpoch(session, streams, {})
    const described: (readonly QueryColumn[] | StoreError)[] = []
    for (const query of queries) described.push(await describe(session, renderLogSql(query, streams)))
    return described
  } finally {
    await session.close()
  }
}

async function describe(session: PostgresSession, sql: string): Promise<readonly QueryColumn[] | StoreError> {
  try {
    const columns = await session.columns(`select * from (${sql}) as r limit 0`)
    const types = await session.query<{ id: string; type: string; enumerated: boolean }>(
      `select oid::text as id, format_type(oid, null) as type, typtype = 'e' as enumerated from pg_type where oid = any($1::oid[])`,
      [columns.map(({ typeId }) => typeId)],
    )
    return columns.map(({ name, typeId }) => {
      const { type = 'unknown', enumerated = false } = types.find(({ id }) => id === String(typeId)) ?? {}
      const whole = WHOLE.has(type)
      return { name, type, whole, exact: whole || type === 'numeric', matchable: enumerated || MATCHABLE.has(type) }
    })
  } catch (error) {
    if (error instanceof StoreError && error.reasonCode === 'schema-mismatch') return error
    throw error
  }
}
