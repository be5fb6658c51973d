import type { LegContext } from '../../epoch/leg.ts'
import { StoreError } from '../../epoch/store-error.ts'
import { type ClockSkew, quickestRoundTrip } from '../clock-skew.ts'
import type { ClickHouseConnection } from './connection.ts'
import { quoteIdentifier as q, quoteTable, type TableName } from './identifiers.ts'
import { type LiveTable, readLiveTable } from './table-facts.ts'
import type { WatermarkTable } from './watermarks.ts'

/** What ClickHouse says of itself and of the user that asks: facts only, to be judged by `recon doctor`. */
export interface ClickHouseFacts {
  readonly version: string
  readonly user: string
  /** Whether all that one statement reads of a table is of one moment; else its parts may see different ones. */
  readonly oneMoment: boolean
  /** The `readonly` setting of the user's profile: 0, 1 or 2. */
  readonly readonly: string
  /** What SHOW GRANTS prints; undefined where the user may not ask or the server does not know. */
  readonly grants: readonly string[] | undefined
  /** Whether `recon sandbox` made this very database. */
  readonly sandbox: boolean
  readonly tables: readonly (InspectedTable | undefined)[]
}

/** A table of the live schema. */
export interface InspectedTable extends LiveTable {
  /** Whether rows expire. */
  readonly expires: boolean
}

/** How far the watermarks of one stream stand, and how long ago the last was written by the server's clock; undefined where unknown. */
export interface WatermarkStanding {
  readonly stream: string
  readonly sequence: string
  readonly ageMs: number | undefined
}

/** Reads the facts; `tables` come back in the order asked for, undefined where there is none. Rejects with `StoreError`. */
export async function inspectClickHouse(
  connection: ClickHouseConnection,
  tables: readonly TableName[],
  context: LegContext,
): Promise<ClickHouseFacts> {
  const [server] = await connection.rows(
    `select version() as version, currentUser() as user, (select value from system.settings where name = 'readonly') as readonly,
      (select count() from system.settings where name = 'enable_shared_storage_snapshot_in_query') > 0 as one_moment,
      (select count() from system.tables where database = currentDatabase() and name = 'recon_sandbox_marker') > 0 as sandbox`,
    {},
    context,
  )
  const found: (InspectedTable | undefined)[] = []
  for (const table of tables) found.push(await inspectTable(connection, table, context))
  return {
    version: String(server?.['version']),
    user: String(server?.['user']),
    oneMoment: Number(server?.['one_moment']) > 0,
    readonly: String(server?.['readonly']),
    grants: await readGrants(connection, context),
    sandbox: Number(server?.['sandbox']) > 0 && (await isSandbox(connection, context)),
    tables: found,
  }
}

/** Reads how far the watermarks of one table stand, per stream. Rejects with `StoreError`. */
export async function inspectWatermarks(
  connection: ClickHouseConnection,
  { table, tableNameColumn, streamColumn, sequenceColumn }: WatermarkTable,
  writtenAtColumn: string | undefined,
  forTable: string,
  context: LegContext,
): Promise<readonly WatermarkStanding[]> {
  const age = writtenAtColumn === undefined ? 'null' : `dateDiff('millisecond', max(${q(writtenAtColumn)}), now64(6))`
  const rows = await connection.rows(
    `select toString(${q(streamColumn)}) as stream, toString(max(${q(sequenceColumn)})) as sequence, ${age} as age
    from ${quoteTable(table)} where ${q(tableNameColumn)} = {forTable:String} group by ${q(streamColumn)} order by stream`,
    { forTable },
    context,
  )
  return rows.map(row => ({
    stream: String(row['stream']),
    sequence: String(row['sequence']),
    ageMs: row['age'] === null ? undefined : Number(row['age']),
  }))
}

/** Measures the clock skew by the quickest of a few round trips. Rejects with `StoreError`. */
export async function measureClickHouseClock(connection: ClickHouseConnection, context: LegContext): Promise<ClockSkew> {
  return quickestRoundTrip(context, async () => {
    const [row] = await connection.rows('select toUnixTimestamp64Milli(now64(3)) as ms', {}, context)
    return Number(row?.['ms'])
  })
}

async function inspectTable(connection: ClickHouseConnection, table: TableName, context: LegContext): Promise<InspectedTable | undefined> {
  const live = await readLiveTable(connection, table, context)
  if (!live) return undefined
  const [row] = await connection.rows(
    `select position(engine_full, ' TTL ') > 0 as expires from system.tables where database = {database:String} and name = {name:String}`,
    { database: table.database ?? connection.database, name: table.name },
    context,
  )
  return { ...live, expires: Number(row?.['expires']) > 0 }
}

async function readGrants(connection: ClickHouseConnection, context: LegContext): Promise<readonly string[] | undefined> {
  try {
    const rows = await connection.rows('show grants', {}, context)
    return rows.map(row => String(Object.values(row)[0]))
  } catch (error) {
    // A user that may not even ask has nothing to be judged by; the judge says so.
    if (error instanceof StoreError) return undefined
    throw error
  }
}

/** A copy of a sandbox's table elsewhere does not make a sandbox: the marker names the database that it was made for. */
async function isSandbox(connection: ClickHouseConnection, context: LegContext): Promise<boolean> {
  const rows = await connection.rows('select database_name from recon_sandbox_marker where database_name = currentDatabase()', {}, context)
  return rows.length > 0
}
