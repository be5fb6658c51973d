import { type Epoch, parseSequence, type Sequence, sequenceOf } from '../../epoch/epoch.ts'
import { chooseHorizon, type HorizonReply, type Watermark } from '../../epoch/horizon.ts'
import type { LegContext } from '../../epoch/leg.ts'
import type { ClickHouseConnection } from './connection.ts'
import { quoteIdentifier as q, quoteTable, type TableName } from './identifiers.ts'

/** The table in which a sink vouches for rows, and its columns (schema.md). */
export interface WatermarkTable {
  readonly table: TableName
  readonly tableNameColumn: string
  readonly streamColumn: string
  readonly sequenceColumn: string
  readonly rowsTotalColumn: string
}

/**
 * Looks once whether the watermarks of `forTable` reach the epoch. Reads only what lies at or above it, which the table's sorting key makes a
 * short range; where the watermarks stand is asked only if they are behind.
 */
export async function lookForHorizon(
  connection: ClickHouseConnection,
  watermarks: WatermarkTable,
  forTable: string,
  epoch: Epoch,
  streams: readonly string[],
  context: LegContext,
): Promise<HorizonReply> {
  const found = await leastAtOrAbove(connection, watermarks, forTable, epoch, streams, context)
  const reply = chooseHorizon(forTable, epoch, streams, found, new Map())
  if (reply.kind !== 'behind') return reply
  return chooseHorizon(forTable, epoch, streams, found, await watermarksStand(connection, watermarks, forTable, context))
}

async function leastAtOrAbove(
  connection: ClickHouseConnection,
  watermarks: WatermarkTable,
  forTable: string,
  epoch: Epoch,
  streams: readonly string[],
  context: LegContext,
): Promise<ReadonlyMap<string, Watermark>> {
  const [stream, sequence] = [q(watermarks.streamColumn), q(watermarks.sequenceColumn)]
  const reaches = streams.map((_, at) => `(${stream} = {s${at}:String} and ${sequence} >= {e${at}:UInt64})`).join(' or ')
  const rows = await connection.rows(
    `select toString(${stream}) as stream, toString(${sequence}) as at, groupUniqArray(toString(${q(watermarks.rowsTotalColumn)})) as totals
    from ${quoteTable(watermarks.table)}
    where ${q(watermarks.tableNameColumn)} = {forTable:String} and (${reaches})
    group by ${stream}, ${sequence} order by ${stream}, ${sequence} limit 1 by ${stream}`,
    {
      forTable,
      ...Object.fromEntries(
        streams.flatMap((name, at) => [[`s${at}`, name] as const, [`e${at}`, sequenceOf(epoch, name).toString()] as const]),
      ),
    },
    context,
  )
  return new Map(
    rows.map(row => {
      const name = String(row['stream'])
      const totals = Array.isArray(row['totals']) ? row['totals'].map(total => BigInt(String(total))) : []
      return [name, { stream: name, sequence: parseSequence(row['at'], `a watermark of ${forTable}`), rowsTotal: totals.sort() }]
    }),
  )
}

/** Where the watermarks of `forTable` stand, per stream. */
export async function watermarksStand(
  connection: ClickHouseConnection,
  watermarks: WatermarkTable,
  forTable: string,
  context: LegContext,
): Promise<ReadonlyMap<string, Sequence>> {
  const stream = q(watermarks.streamColumn)
  const rows = await connection.rows(
    `select toString(${stream}) as stream, toString(max(${q(watermarks.sequenceColumn)})) as at
    from ${quoteTable(watermarks.table)} where ${q(watermarks.tableNameColumn)} = {forTable:String} group by ${stream}`,
    { forTable },
    context,
  )
  return new Map(rows.map(row => [String(row['stream']), parseSequence(row['at'], `a watermark of ${forTable}`)]))
}
