import type { CanaryRow } from '../../epoch/canary.ts'
import type { Epoch } from '../../epoch/epoch.ts'
import { sequenceOf } from '../../epoch/epoch.ts'
import type { QueryParameters } from './connection.ts'
import type { ClickHouseHistory } from './history.ts'
import { quoteIdentifier as q, quoteTable } from './identifiers.ts'

/** What the live schema says of a history table, as far as the statement depends on it. */
export interface TableFacts {
  /** The places of each decimal column. */
  readonly scales: Readonly<Record<string, number>>
  /** Whether the table is sorted by stream, sequence and content address first, so that duplicates lie side by side. */
  readonly sortedByAddress: boolean
}

/** How many lines `historyStatement` ends with that are no rows but counts. */
export const PROOF_LINES = 2

/**
 * The one statement of an as-of read. It gives the rows of the shape in key order as text, then two lines of counts over the very rows that it
 * read, in the last field of each: the facts per stream and those of undeclared streams; the distinct content addresses per stream and all
 * rows. They prove the sums complete, and their presence proves that the answer was not cut off.
 *
 * With `collapse`, repeated deliveries are collapsed by LIMIT 1 BY over all columns; where the table is sorted by content address that is a
 * pass over a sorted stream, in constant memory. Without, rows are summed as they are, which is right exactly if the counts say that there are
 * as many rows as addresses. Addresses are counted by themselves, wherever they stand: one id at two sequences is two facts under one
 * address, and must not make up for one that is missing. The canary is a row of its own, and none of the counts.
 */
export function historyStatement(history: ClickHouseHistory, table: TableFacts, collapse: boolean, canary: CanaryRow | undefined): string {
  const { shape } = history
  const keys = shape.keys.map(key => q(history.keys[key] ?? key))
  const values = shape.values.map(value => `toString(${aggregateOf(history, value)})`)
  const last = values.length - 1
  const names = [...shape.keys.map((_, at) => `k${at}`), ...shape.values.map((_, at) => `v${at}`)]
  const blank = names.slice(0, -1).map(name => `'' as ${name}`)
  const columns = factColumns(history)
  const proofOf = (counts: readonly string[]) => `arrayStringConcat([${counts.map(count => `toString(${count})`).join(', ')}], ' ')`
  const perStream = history.streams.map((_, at) => `countIf(${q(history.streamColumn)} = {s${at}:String})`)
  const addresses = history.streams.map(
    (_, at) => `uniqExactIf(${history.address.map(q).join(', ')}, ${q(history.streamColumn)} = {s${at}:String})`,
  )
  const literal = canary
    ? `
  union all
  select ${[...shape.keys.map(() => `'${canary.key}'`), ...shape.values.map(() => `'${canary.value}'`), '0'].join(', ')}`
    : ''
  return `
select ${names.join(', ')} from (
  select ${names.join(', ')}, part from (
    select
      ${keys.map((key, at) => `toString(${key}) as k${at},`).join(' ')}
      grouping(${keys[0]}) as part,
      ${values.map((value, at) => (at === last ? `if(part = 1, ${proofOf([...perStream, 'countIf(undeclared)'])}, ${value}) as v${at}` : `${value} as v${at}`)).join(',\n      ')}
    from (
      select ${columns
        .filter(column => !history.decimals.includes(column))
        .map(q)
        .join(', ')},
        ${history.decimals.map(column => `toDecimal256(${q(column)}, ${table.scales[column] ?? 0}) as ${q(column)}`).join(', ')},
        ${inEpoch(history)} as in_epoch,
        ${history.streams.map((_, at) => `${q(history.streamColumn)} != {s${at}:String}`).join(' and ')} as undeclared
      from (${collapse ? distinctRows(history, table, columns) : allRows(history, columns)})
    )
    group by grouping sets ((${keys.join(', ')}), ())
    having part = 1 or countIf(in_epoch) > 0
  )
  union all
  select ${[...blank, `${proofOf([...addresses, 'count()'])} as v${last}`].join(', ')}, 2 as part
  from ${quoteTable(history.table)} where ${upToHorizon(history)}${literal}
)
order by part, ${shape.keys.map((_, at) => `k${at}`).join(', ')}`
}

/** A count of all rows up to the horizon: cheap, for finding out whether any have come. */
export function rowCountStatement(history: ClickHouseHistory): string {
  return `select toString(count()) as n from ${quoteTable(history.table)} where ${upToHorizon(history)}`
}

/** The content addresses that hold more than one fact, least first, as one text each. */
export function conflictsStatement(history: ClickHouseHistory, table: TableFacts): string {
  const address = history.address.map(q)
  return `
select ${address.map(column => `toString(${column})`).join(` || ' ' || `)} as address
from (${distinctRows(history, table, factColumns(history))})
group by ${address.join(', ')}
having count() > 1
order by address
limit {most:UInt64}`
}

/** The parameters of these statements: stream names `s0…`, the epoch `e0…` and the horizon `h0…`. */
export function historyParameters(history: ClickHouseHistory, epoch: Epoch, horizon: Epoch): QueryParameters {
  const parameters = history.streams.flatMap((stream, at) => [
    [`s${at}`, stream],
    [`e${at}`, sequenceOf(epoch, stream).toString()],
    [`h${at}`, sequenceOf(horizon, stream).toString()],
  ])
  return { ...Object.fromEntries(parameters), ...(history.only ? { only: history.only.is } : {}) }
}

/** All columns of a fact, the sorting columns first. */
export function factColumns(history: ClickHouseHistory): readonly string[] {
  return [...new Set([history.streamColumn, history.sequenceColumn, ...history.address, ...history.facts])]
}

function distinctRows(history: ClickHouseHistory, table: TableFacts, columns: readonly string[]): string {
  const by = columns.map(q).join(', ')
  return `${allRows(history, columns)} ${table.sortedByAddress ? `order by ${by} ` : ''}limit 1 by ${by}`
}

function allRows(history: ClickHouseHistory, columns: readonly string[]): string {
  return `select ${columns.map(q).join(', ')} from ${quoteTable(history.table)} where ${upToHorizon(history)}`
}

/** Everything but what lies above the horizon; rows of undeclared streams are read too, since they belong nowhere and must be counted. */
function upToHorizon(history: ClickHouseHistory): string {
  return history.streams
    .map((_, at) => `not (${q(history.streamColumn)} = {s${at}:String} and ${q(history.sequenceColumn)} > {h${at}:UInt64})`)
    .join(' and ')
}

function inEpoch(history: ClickHouseHistory): string {
  const streams = history.streams.map(
    (_, at) => `(${q(history.streamColumn)} = {s${at}:String} and ${q(history.sequenceColumn)} <= {e${at}:UInt64})`,
  )
  const asOf = `(${streams.join(' or ')})`
  return history.only ? `(${asOf} and ${q(history.only.column)} = {only:String})` : asOf
}

/** The aggregate of one value. The last facts are found once for all values that need them, since the server computes equal expressions once. */
function aggregateOf(history: ClickHouseHistory, value: string): string {
  const { aggregate, column } = history.values[value] ?? { aggregate: 'sum', column: value }
  if (aggregate === 'sum') return `sumIf(${q(column)}, in_epoch)`
  const last = Object.values(history.values).flatMap(each => (each.aggregate === 'last' ? [each.column] : []))
  const order = [history.sequenceColumn, ...history.address].map(q).join(', ')
  return `tupleElement(argMaxIf(tuple(${last.map(q).join(', ')}), (${order}), in_epoch), ${last.indexOf(column) + 1})`
}
