import type { Leg } from '../../epoch/leg.ts'
import type { RowShape } from '../../epoch/row.ts'
import type { ClickHouseQuery, QueryHorizon } from '../../stores/clickhouse/query.ts'
import { clickHouseQueryLeg } from '../../stores/clickhouse/query-leg.ts'
import { postgresEpochSource } from '../../stores/postgres/epoch-source.ts'
import { quoteIdentifier } from '../../stores/postgres/identifiers.ts'
import { postgresLogLeg } from '../../stores/postgres/log-leg.ts'
import type { StreamSource } from '../../stores/postgres/postgres-rows.ts'
import { postgresSnapshotLeg } from '../../stores/postgres/snapshot-leg.ts'
import { parseSqlTemplate } from '../../stores/sql-template.ts'
import { type CheckSources, horizonOf } from '../check-sources.ts'
import { defineRelation, type Relation } from '../relation.ts'
import type { CustomHistory, CustomHorizon, CustomLeg, CustomRelation } from './custom-relation.ts'

/** What a custom relation reads, out of `CheckSources`; its streams are its own. */
export type CustomSources = Pick<CheckSources, 'postgres' | 'clickhouse' | 'tables' | 'memoryBytesMax'>

/** The relation that the SQL describes, by the same definition as every other. Throws like `defineRelation`. */
export function relationOf(custom: CustomRelation, sources: CustomSources): Relation {
  const { name, description, keys, values, aggregating } = custom
  const snapshots = [custom.left, custom.right].some(({ kind }) => kind === 'snapshot')
  return defineRelation({
    name,
    description,
    keys,
    values,
    aggregating,
    left: legOf(custom, 'left', sources),
    right: legOf(custom, 'right', sources),
    ...(snapshots ? {} : { epoch: postgresEpochSource(sources.postgres, streamSources(custom)) }),
  })
}

/** The streams of a relation, or those of one of its legs, as PostgreSQL legs take them. */
export function streamSources({ streams }: CustomRelation, only: readonly string[] = Object.keys(streams)): readonly StreamSource[] {
  return only.map(name => ({ name, sql: streams[name] ?? '0' }))
}

/** A leg over ClickHouse as its store takes it. */
export function historyQuery(custom: CustomRelation, side: 'left' | 'right', leg: CustomHistory, sources: CustomSources): ClickHouseQuery {
  return {
    name: `${custom.name}.${side}`,
    streams: leg.streams,
    rows: parseSqlTemplate(leg.sql),
    shape: shapeOf(custom),
    horizon: queryHorizon(leg.horizon, sources),
  }
}

function legOf(custom: CustomRelation, side: 'left' | 'right', sources: CustomSources): Leg {
  const leg: CustomLeg = custom[side]
  const { postgres: store, memoryBytesMax } = sources
  if (leg.store === 'clickhouse') return clickHouseQueryLeg(sources.clickhouse, historyQuery(custom, side, leg, sources))
  const shape = shapeOf(custom)
  if (leg.kind === 'as-of') {
    const streams = streamSources(custom, leg.streams)
    return postgresLogLeg({ name: `${custom.name}.${side}`, store, streams, rows: parseSqlTemplate(leg.sql), shape, memoryBytesMax })
  }
  const streams = streamSources(custom)
  const unstamped = `select ${streams.map(({ name }) => `0 as ${quoteIdentifier(name)}`).join(', ')}`
  return postgresSnapshotLeg({ store, streams, rows: leg.sql, stamps: leg.stamps ?? unstamped, shape, memoryBytesMax })
}

function queryHorizon(horizon: CustomHorizon, { tables }: CustomSources): QueryHorizon {
  if (horizon.strategy === 'settle') return horizon
  const waiting = horizonOf({ horizon: { strategy: 'watermark' }, tables }, horizon.watermark)
  if (waiting.strategy !== 'watermark') throw new Error('a watermark was asked for')
  const counts = horizon.rows && Object.fromEntries(Object.entries(horizon.rows).map(([stream, sql]) => [stream, parseSqlTemplate(sql)]))
  return { strategy: 'watermark', watermarks: waiting.watermarks, watermarkName: waiting.watermarkName, ...(counts ? { counts } : {}) }
}

function shapeOf({ keys, values, aggregating }: CustomRelation): RowShape {
  return { keys, values, aggregating }
}
