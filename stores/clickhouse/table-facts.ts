import type { LegContext } from '../../epoch/leg.ts'
import { StoreError } from '../../epoch/store-error.ts'
import type { ClickHouseConnection } from './connection.ts'
import type { ClickHouseHistory } from './history.ts'
import { factColumns, type TableFacts } from './history-statement.ts'
import { showTable, type TableName } from './identifiers.ts'

/** A table of the live schema: its engine, what it is sorted by, and its columns with their types. */
export interface LiveTable {
  readonly engine: string
  /** The server's own identity of the table: another one under the same name has another. */
  readonly uuid: string
  readonly sortingKey: readonly string[]
  readonly columns: ReadonlyMap<string, string>
}

/** Reads one table of the live schema; undefined where there is none, or none that the role may see. */
export async function readLiveTable(
  connection: ClickHouseConnection,
  table: TableName,
  context: LegContext,
): Promise<LiveTable | undefined> {
  const [row] = await connection.rows(
    `select engine, sorting_key, toString(uuid) as id,
      (select groupArray((name, type)) from system.columns where database = {database:String} and table = {table:String}) as columns
    from system.tables where database = {database:String} and name = {table:String}`,
    { database: table.database ?? connection.database, table: table.name },
    context,
  )
  if (!row) return undefined
  const columns = Array.isArray(row['columns']) ? row['columns'] : []
  return {
    engine: String(row['engine']),
    uuid: String(row['id']),
    sortingKey: String(row['sorting_key'])
      .split(',')
      .map(part => part.trim())
      .filter(part => part !== ''),
    columns: new Map(columns.map(([column, type]: [unknown, unknown]) => [String(column), String(type)])),
  }
}

/**
 * Checks that a history table has what the statement needs, and reads what it depends on. Throws `StoreError`: `schema-mismatch` naming every
 * column that is missing or has the wrong type, `history-collapsed` for an engine whose merges may drop rows that are facts.
 */
export async function requireHistory(
  connection: ClickHouseConnection,
  history: ClickHouseHistory,
  context: LegContext,
): Promise<TableFacts> {
  const live = await readLiveTable(connection, history.table, context)
  const { name } = connection.store
  const table = showTable(history.table)
  if (!live) {
    throw new StoreError(
      name,
      'schema-mismatch',
      `there is no table ${table} in database ${history.table.database ?? connection.database}, or none that this user may see; create it, grant select on it, or map its name`,
    )
  }
  const problems = columnProblems(history, live)
  if (problems.length > 0) throw new StoreError(name, 'schema-mismatch', `table ${table}: ${problems.join('; ')}`)
  const collapsing = collapseProblem(history, live)
  if (collapsing) throw new StoreError(name, 'history-collapsed', `table ${table} ${collapsing}`)
  const address = [history.streamColumn, history.sequenceColumn, ...history.address]
  return {
    uuid: live.uuid,
    database: history.table.database ?? connection.database,
    types: Object.fromEntries(factColumns(history).map(column => [column, live.columns.get(column) ?? ''])),
    scales: Object.fromEntries(history.decimals.map(column => [column, decimalScale(live.columns.get(column)) ?? 0])),
    sortedByAddress: address.every((column, at) => unquoted(live.sortingKey[at]) === column),
  }
}

/** What keeps a table from being read as history, in words; undefined where nothing does. */
export function collapseProblem(history: ClickHouseHistory, live: LiveTable): string | undefined {
  const engine = live.engine.replace(/^(Replicated|Shared)/, '')
  if (engine === 'MergeTree' || !engine.endsWith('MergeTree')) return undefined
  const sorted = new Set(live.sortingKey.map(unquoted))
  const missing = [history.sequenceColumn, ...history.address].filter(column => !sorted.has(column))
  if (engine === 'ReplacingMergeTree' && missing.length === 0) return undefined
  const why = engine === 'ReplacingMergeTree' ? `whose sorting key lacks ${missing.join(' and ')}` : 'whose merges combine rows'
  return `is a ${live.engine} ${why}, so that facts as of an epoch may be gone; keep history in a MergeTree ordered by (${[history.streamColumn, history.sequenceColumn, ...history.address].join(', ')})`
}

function columnProblems(history: ClickHouseHistory, live: LiveTable): string[] {
  const needed = factColumns(history)
  const missing = needed.filter(column => !live.columns.has(column)).map(column => `column ${column} is missing`)
  const sequenceType = live.columns.get(history.sequenceColumn)
  const sequence =
    sequenceType === undefined || /^U?Int(8|16|32|64)$/.test(sequenceType)
      ? []
      : [`column ${history.sequenceColumn} is ${sequenceType} and must be UInt64`]
  const nullable = [history.streamColumn, history.sequenceColumn, ...history.address]
    .filter(column => live.columns.get(column)?.includes('Nullable('))
    .map(column => `column ${column} is ${live.columns.get(column)}, and a fact without it would belong to no epoch`)
  const inexact = history.decimals
    .map(column => [column, live.columns.get(column)] as const)
    .filter(([, type]) => type !== undefined && decimalScale(type) === undefined)
    .map(([column, type]) => `column ${column} is ${type} and must be a Decimal such as Decimal(38, 18)`)
  return [...missing, ...sequence, ...nullable, ...inexact]
}

/** The places of a decimal type; undefined for any type that is none. */
function decimalScale(type: string | undefined): number | undefined {
  const match = /^Decimal\(\d+, (\d+)\)$/.exec(type ?? '')
  return match ? Number.parseInt(match[1] ?? '', 10) : undefined
}

function unquoted(name: string | undefined): string {
  return (name ?? '').replaceAll('`', '')
}
