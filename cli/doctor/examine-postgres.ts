import { parseSequence } from '../../epoch/epoch.ts'
import type { LegContext } from '../../epoch/leg.ts'
import { inspectPostgres, inspectStream, measurePostgresClock } from '../../stores/postgres/inspect.ts'
import type { PostgresStore } from '../../stores/postgres/postgres-store.ts'
import type { Config } from '../config/config.ts'
import { attempt } from './attempt.ts'
import type { Needs } from './check-needs.ts'
import { type Finding, ok } from './finding.ts'
import { judgeClock } from './judge-clock.ts'
import { judgePostgres } from './judge-postgres.ts'

/** Looks at the server, its tables and its clock. Rejects with `StoreError`. */
export async function examinePostgres(store: PostgresStore, { postgres }: Needs, context: LegContext): Promise<readonly Finding[]> {
  const tables = postgres.map(({ mapped }) => mapped)
  const facts = await inspectPostgres(store, tables, context)
  const clock = judgeClock('postgres', await measurePostgresClock(store, context))
  const role = facts.standby ? 'a standby' : 'a primary'
  return [ok('postgres.reachable', `PostgreSQL answers as ${facts.role}; it is ${role}`), ...judgePostgres(facts, postgres), clock]
}

/** Tries the SQL of each stream by itself, so that one that does not work hides no other; gives where those that work stand. */
export async function examineStreams(store: PostgresStore, { streams }: Config, context: LegContext) {
  const findings: Finding[] = []
  const sequences: Record<string, bigint> = {}
  for (const [stream, sql] of Object.entries(streams)) {
    const id = `postgres.streams.${stream}`
    const { findings: found } = await attempt(id, `streams.${stream}`, context, async within => {
      const sequence = parseSequence(await inspectStream(store, sql, within), `what the SQL of stream ${stream} selects`)
      sequences[stream] = sequence
      return [ok(id, `stream ${stream} stands at ${sequence}`)]
    })
    findings.push(...found)
  }
  return { findings, sequences }
}
