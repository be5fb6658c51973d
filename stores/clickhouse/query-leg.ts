import { type Epoch, project } from '../../epoch/epoch.ts'
import type { CountedRows, HorizonReply } from '../../epoch/horizon.ts'
import type { AsOfLeg, LegContext } from '../../epoch/leg.ts'
import { poll } from '../poll.ts'
import type { ClickHouseConnection } from './connection.ts'
import { ProvenLines } from './proof.ts'
import { type ClickHouseQuery, queryParameters, renderQuery } from './query.ts'
import { countsStatement, queryStatement } from './query-statement.ts'
import { queryTables } from './query-tree.ts'
import { readLiveTable } from './table-facts.ts'
import { lookForHorizon } from './watermarks.ts'

/** Makes an as-of leg out of a select over ClickHouse: wait and read of the primitive (design section 3). Only with counts is its horizon more than settled. */
export function clickHouseQueryLeg(connection: ClickHouseConnection, query: ClickHouseQuery): AsOfLeg {
  const { streams, horizon: waiting } = query
  const counted = waiting.strategy === 'watermark' && waiting.counts !== undefined

  const waitForHorizon = async (epoch: Epoch, deadlineMs: number, context: LegContext): Promise<HorizonReply> => {
    if (waiting.strategy === 'settle') {
      await context.clock.sleep(waiting.settleMs, context.signal)
      return { kind: 'reached', horizon: { strategy: 'settle', table: query.name, at: project(epoch, streams) } }
    }
    const look = () => lookForHorizon(connection, waiting.watermarks, waiting.watermarkName, epoch, streams, context)
    const reply = await poll(look, ({ kind }) => kind !== 'behind', deadlineMs, context)
    if (reply.kind !== 'reached' || counted) return reply
    return { kind: 'reached', horizon: { strategy: 'settle', table: reply.horizon.table, at: reply.horizon.at } }
  }

  const haveChanged = async ({ addresses }: CountedRows, horizon: Epoch, context: LegContext): Promise<boolean> => {
    const [row] = await connection.rows(countsStatement(query), queryParameters(streams, horizon, horizon), context)
    return streams.some((stream, at) => row?.[`n${at}`] !== String(addresses[stream]))
  }

  return {
    kind: 'as-of',
    store: connection.store.name,
    streams,
    strategy: counted ? 'watermark' : 'settle',
    awaitHorizon: waitForHorizon,
    read: (epoch, horizon, context) => {
      const proven = new ProvenLines(connection.store.name, streams)
      const answer = connection.stream(queryStatement(query, context.canary), queryParameters(streams, epoch, horizon.at), context)
      return { lines: proven.lines(answer), counted: () => proven.counted }
    },
    awaitChange: async ({ at }, counts, deadlineMs, context) =>
      counted && (await poll(() => haveChanged(counts, at, context), Boolean, deadlineMs, context)),
    isCaughtUp: async context => {
      const counts = waiting.strategy === 'watermark' ? Object.values(waiting.counts ?? {}) : []
      const caughtUp = [query.rows, ...counts].map(sql => readsOnlyQueueless(connection, renderQuery(sql, streams), streams, context))
      return (await Promise.all(caughtUp)).every(Boolean)
    },
    findConflicts: async () => [],
  }
}

/** A plain MergeTree has no queue: what was written to it can be read. Of whatever else a select may read that is not known here. */
async function readsOnlyQueueless(
  connection: ClickHouseConnection,
  sql: string,
  streams: readonly string[],
  context: LegContext,
): Promise<boolean> {
  const tables = await queryTables(connection, sql, streams, context)
  const live = await Promise.all((tables ?? []).map(table => readLiveTable(connection, table, context)))
  return (
    tables !== undefined &&
    live.every(table => table !== undefined && /^[A-Za-z]*MergeTree$/.test(table.engine) && !/^(Replicated|Shared)/.test(table.engine))
  )
}
