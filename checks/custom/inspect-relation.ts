import type { LegContext } from '../../epoch/leg.ts'
import { StoreError } from '../../epoch/store-error.ts'
import { renderQuery } from '../../stores/clickhouse/query.ts'
import { describeClickHouseQuery } from '../../stores/clickhouse/query-columns.ts'
import { inexactArithmetic } from '../../stores/clickhouse/query-tree.ts'
import { describePostgresQueries } from '../../stores/postgres/query-columns.ts'
import type { QueryColumn } from '../../stores/query-column.ts'
import { parseSqlTemplate } from '../../stores/sql-template.ts'
import { type CustomSources, streamSources } from './custom-legs.ts'
import { type CustomHistory, type CustomRelation, sidesOf } from './custom-relation.ts'
import { columnProblems, scalarProblems, stampProblems } from './judge-query.ts'

/** The stores whose live schema is asked. */
export type InspectedStores = Pick<CustomSources, 'postgres' | 'clickhouse'>

/** A select of a relation: where it stands in the configuration, and what must be true of its columns. */
interface Question {
  readonly where: string
  readonly sql: string
  judge(columns: readonly QueryColumn[]): readonly string[]
}

/**
 * Compares the SQL of a relation with the live schema, without reading a row, and returns everything that is wrong, each problem naming the key under the relation
 * that it is about. Rejects with `StoreError` where a store cannot be asked.
 */
export async function inspectRelation(custom: CustomRelation, sources: InspectedStores, context: LegContext): Promise<readonly string[]> {
  const histories = sidesOf(custom).flatMap(([side, leg]) => (leg.store === 'clickhouse' ? [{ side, leg }] : []))
  const [postgres, ...clickhouse] = await Promise.all([
    inspectPostgresQueries(custom, sources, context),
    ...histories.map(({ side, leg }) => inspectHistory(custom, side, leg, sources, context)),
  ])
  return [...postgres, ...clickhouse.flat()]
}

async function inspectPostgresQueries(custom: CustomRelation, sources: InspectedStores, context: LegContext): Promise<readonly string[]> {
  const streams = streamSources(custom)
  const questions: readonly Question[] = [
    ...streams.map(({ name, sql }) => ({ where: `streams.${name}`, sql, judge: scalarProblems })),
    ...sidesOf(custom).flatMap(([side, leg]) => {
      if (leg.store !== 'postgres') return []
      const rows = { where: `${side}.sql`, sql: leg.sql, judge: (columns: readonly QueryColumn[]) => columnProblems(columns, custom) }
      if (leg.kind === 'as-of' || leg.stamps === undefined) return [rows]
      const judge = (columns: readonly QueryColumn[]) => stampProblems(columns, Object.keys(custom.streams))
      return [rows, { where: `${side}.stamps`, sql: leg.stamps, judge }]
    }),
  ]
  const templates = questions.map(({ sql }) => parseSqlTemplate(sql))
  const described = await describePostgresQueries(sources.postgres, streams, templates, context)
  return questions.flatMap((question, at) => problemsOf(question, described[at] ?? []))
}

async function inspectHistory(
  custom: CustomRelation,
  side: string,
  { sql, streams, horizon }: CustomHistory,
  { clickhouse }: InspectedStores,
  context: LegContext,
): Promise<readonly string[]> {
  const counts = horizon.strategy === 'watermark' ? Object.entries(horizon.rows ?? {}) : []
  const questions: readonly Question[] = [
    { where: `${side}.sql`, sql, judge: columns => columnProblems(columns, custom) },
    ...counts.map(([stream, count]) => ({ where: `${side}.horizon.rows.${stream}`, sql: count, judge: scalarProblems })),
  ]
  const found = await Promise.all(
    questions.map(async question => {
      const rendered = renderQuery(parseSqlTemplate(question.sql), streams)
      const described = await describeClickHouseQuery(clickhouse, streams, rendered, context)
      const inexact = described instanceof StoreError ? [] : await inexactArithmetic(clickhouse, rendered, streams, context)
      return [...problemsOf(question, described), ...inexact.map(problem => `${question.where}: ${problem}`)]
    }),
  )
  return found.flat()
}

function problemsOf({ where, judge }: Question, described: readonly QueryColumn[] | StoreError): readonly string[] {
  const problems = described instanceof StoreError ? [described.message] : judge(described)
  return problems.map(problem => `${where}: ${problem}`)
}
