import type { CanaryRow } from '../../epoch/canary.ts'
import type { Epoch } from '../../epoch/epoch.ts'
import { sequenceOf } from '../../epoch/epoch.ts'
import type { QueryParameters } from './connection.ts'
import type { ClickHouseHistory } from './history.ts'
import { quoteIdentifier as q, quoteTable, type TableName } from './identifiers.ts'

/** What the live schema says of a history table, as far as the statement depends on it. */
export interface TableFacts {
  /** The identity of the live table, which another one under the same name does not have. */
  readonly uuid: string
  readonly database: string
  /** The type of each column of a fact. */
  readonly types: Readonly<Record<string, string>>
  /** The places of each decimal column. */
  readonly scales: Readonly<Record<string, number>>
  /** Whether the table is sorted by stream, sequence and content address first, so that duplicates lie side by side. */
  readonly sortedByAddress: boolean
}

/** How many lines a statement ends with that are no rows but counts: two, and a third where it goes on from a checkpoint in ClickHouse. */
export const PROOF_LINES = 2

/** What a reading adds to the history and takes away from it. */
export interface ReadingOptions {
  readonly collapse: boolean
  readonly canary?: CanaryRow | undefined
  /** The first sequence to be read, per stream; streams at 0 or not named are read from their beginning. */
  readonly from?: Epoch
  /** The verified rows below `from`, as columns `k0…` and `v0…` of a table of recon's own, under the checkpoint {checkpoint:UInt64}. */
  readonly verified?: TableName | undefined
}

/**
 * The one statement of an as-of read. It gives the rows of the shape in key order as text, then two lines of counts over the very rows that it
 * read, in the last field of each: the facts per stream and those of undeclared streams; the distinct content addresses per stream and all
 * rows. They prove the sums complete, and their presence proves that the answer was not cut off. Where it goes on from a checkpoint, the counts are of what
 * came after it, and a third line says how many verified keys were taken in, and the sum of their hashes.
 *
 * With `collapse`, repeated deliveries are collapsed by LIMIT 1 BY over all columns; where the table is sorted by content address that is a
 * pass over a sorted stream, in constant memory. Without, rows are summed as they are, which is right exactly if the counts say that there are
 * as many rows as addresses. Addresses are counted by themselves, wherever they stand: one id at two sequences is two facts under one
 * address, and must not make up for one that is missing. The canary is a row of its own, and none of the counts.
 */
export function historyStatement(history: ClickHouseHistory, table: TableFacts, options: ReadingOptions): string {
  const { shape } = history
  const [keys, values] = [keyNames(history), valueNames(history)]
  const names = [...keys, ...values].join(', ')
  const last = values.at(-1) ?? ''
  const textOf = (value: string) =>
    value === last ? `if(part = 1, proof, toString(${value})) as ${value}` : `toString(${value}) as ${value}`
  const proofLine = (part: number, proof: string, source: string) => `
  union all
  select ${[...keys, ...values.slice(0, -1)].map(name => `'' as ${name}`).join(', ')}, ${proof} as ${last}, ${part} as part
  from ${source}`
  const addresses = history.streams.map(
    (_, at) => `uniqExactIf(${history.address.map(q).join(', ')}, ${q(history.streamColumn)} = {s${at}:String})`,
  )
  const canary = options.canary
  const literal = canary
    ? `
  union all
  select ${[...shape.keys.map(() => `'${canary.key}'`), ...shape.values.map(() => `'${canary.value}'`), '0'].join(', ')}`
    : ''
  const { verified } = options
  return `
select ${names} from (
  select ${names}, part from (
    select ${[...keys, ...values.map(textOf), 'part'].join(', ')}
    from (${verified ? carriedOn(history, table, options, verified) : grouped(history, table, options)})
  )${proofLine(2, proofOf([...addresses, 'count()']), `${quoteTable(history.table)} where ${inRange(history, options.from)}`)}${verified ? proofLine(3, verifiedProof(history), `${quoteTable(verified)} as c where checkpoint = {checkpoint:UInt64}`) : ''}${literal}
)
order by part, ${keys.join(', ')}`
}

/** The values of all keys as of the epoch, as columns `k0…`, `v0…` without order or proof: what a checkpoint in ClickHouse is made of. */
export function verifiedRowsStatement(history: ClickHouseHistory, table: TableFacts, options: ReadingOptions): string {
  const { verified } = options
  const names = [...keyNames(history), ...valueNames(history)].join(', ')
  return `select ${names} from (${verified ? carriedOn(history, table, options, verified) : grouped(history, table, options)}) where part = 0`
}

/** The names of the key columns `k0…` of a reading. */
export function keyNames({ shape }: ClickHouseHistory): readonly string[] {
  return shape.keys.map((_, at) => `k${at}`)
}

/** The names of the value columns `v0…` of a reading. */
export function valueNames({ shape }: ClickHouseHistory): readonly string[] {
  return shape.values.map((_, at) => `v${at}`)
}

/** How many keys a checkpoint in ClickHouse holds, and the sum of their rows' hashes modulo 2^64; its table must be called `c`. */
export function verifiedProof(history: ClickHouseHistory): string {
  const names = [...keyNames(history), ...valueNames(history)].map(name => `c.${name}`)
  return proofOf(['count()', `sum(sipHash64(${names.join(', ')}))`])
}

/** The rows of the history, grouped by key (part 0), and in the same pass the counts that prove them (part 1). */
function grouped(history: ClickHouseHistory, table: TableFacts, { collapse, from }: ReadingOptions): string {
  const keys = history.shape.keys.map(key => q(history.keys[key] ?? key))
  const columns = factColumns(history)
  const perStream = history.streams.map((_, at) => `countIf(${q(history.streamColumn)} = {s${at}:String})`)
  return `
      select
        ${keys.map((key, at) => `toString(${key}) as k${at},`).join(' ')}
        grouping(${keys[0]}) as part,
        ${history.shape.values.map((value, at) => `${aggregateOf(history, value)} as v${at},`).join(' ')}
        if(part = 1, ${proofOf([...perStream, 'countIf(undeclared)'])}, '') as proof
      from (
        select ${columns
          .filter(column => !history.decimals.includes(column))
          .map(q)
          .join(', ')},
          ${history.decimals.map(column => `toDecimal256(${q(column)}, ${table.scales[column] ?? 0}) as ${q(column)}`).join(', ')},
          ${inEpoch(history)} as in_epoch,
          ${history.streams.map((_, at) => `${q(history.streamColumn)} != {s${at}:String}`).join(' and ')} as undeclared
        from (${collapse ? distinctRows(history, table, columns, from) : allRows(history, columns, from)})
      )
      group by grouping sets ((${keys.join(', ')}), ())
      having part = 1 or countIf(in_epoch) > 0`
}

/** The verified rows carried on by what came after them. */
function carriedOn(history: ClickHouseHistory, table: TableFacts, options: ReadingOptions, verified: TableName): string {
  const [keys, values] = [keyNames(history), valueNames(history)]
  const carried = history.shape.values.map((value, at) =>
    history.values[value]?.aggregate === 'last' ? `argMax(e.v${at}, e.fresh) as v${at}` : `sum(e.v${at}) as v${at}`,
  )
  return `
      select ${keys.map(key => `e.${key} as ${key}`).join(', ')}, e.part as part, ${carried.join(', ')}, any(e.proof) as proof
      from (
        select ${[...keys, 'part', ...values, 'proof', '1 as fresh'].join(', ')} from (${grouped(history, table, options)})
        union all
        select ${[...keys, '0', ...values, `''`, '0'].join(', ')} from ${quoteTable(verified)} where checkpoint = {checkpoint:UInt64}
      ) as e
      group by ${['part', ...keys].map(name => `e.${name}`).join(', ')}`
}

/** A count of all rows from `from` up to the horizon: cheap, for finding out whether any have come. */
export function rowCountStatement(history: ClickHouseHistory, from: Epoch | undefined): string {
  return `select toString(count()) as n from ${quoteTable(history.table)} where ${inRange(history, from)}`
}

/** The content addresses that hold more than one fact, least first, as one text each. */
export function conflictsStatement(history: ClickHouseHistory, table: TableFacts, from: Epoch | undefined): string {
  const address = history.address.map(q)
  return `
select ${address.map(column => `toString(${column})`).join(` || ' ' || `)} as address
from (${distinctRows(history, table, factColumns(history), from)})
group by ${address.join(', ')}
having count() > 1
order by address
limit {most:UInt64}`
}

/** The parameters of these statements: stream names `s0…`, the epoch `e0…`, the horizon `h0…` and the first sequences `f0…`. */
export function historyParameters(history: ClickHouseHistory, epoch: Epoch, horizon: Epoch, from: Epoch = {}): QueryParameters {
  const parameters = history.streams.flatMap((stream, at) => [
    [`s${at}`, stream],
    [`e${at}`, sequenceOf(epoch, stream).toString()],
    [`h${at}`, sequenceOf(horizon, stream).toString()],
    [`f${at}`, sequenceOf(from, stream).toString()],
  ])
  return { ...Object.fromEntries(parameters), ...(history.only ? { only: history.only.is } : {}) }
}

/** All columns of a fact, the sorting columns first. */
export function factColumns(history: ClickHouseHistory): readonly string[] {
  return [...new Set([history.streamColumn, history.sequenceColumn, ...history.address, ...history.facts])]
}

/** The distinct facts among the rows of the range. */
export function distinctRows(history: ClickHouseHistory, table: TableFacts, columns: readonly string[], from: Epoch | undefined): string {
  const by = columns.map(q).join(', ')
  return `${allRows(history, columns, from)} ${table.sortedByAddress ? `order by ${by} ` : ''}limit 1 by ${by}`
}

function allRows(history: ClickHouseHistory, columns: readonly string[], from: Epoch | undefined): string {
  return `select ${columns.map(q).join(', ')} from ${quoteTable(history.table)} where ${inRange(history, from)}`
}

/**
 * Everything from `from` up to the horizon; rows of undeclared streams are read too, since they belong nowhere and must be counted. Said as ranges, so that a
 * table which is sorted by stream and sequence is read no further than it must be.
 */
function inRange(history: ClickHouseHistory, from: Epoch = {}): string {
  const [stream, sequence] = [q(history.streamColumn), q(history.sequenceColumn)]
  const ranges = history.streams.map((name, at) => {
    const begins = sequenceOf(from, name) > 0n ? ` and ${sequence} >= {f${at}:UInt64}` : ''
    return `(${stream} = {s${at}:String}${begins} and ${sequence} <= {h${at}:UInt64})`
  })
  return `(${[...ranges, `${stream} not in (${history.streams.map((_, at) => `{s${at}:String}`).join(', ')})`].join(' or ')})`
}

function inEpoch(history: ClickHouseHistory): string {
  const streams = history.streams.map(
    (_, at) => `(${q(history.streamColumn)} = {s${at}:String} and ${q(history.sequenceColumn)} <= {e${at}:UInt64})`,
  )
  const asOf = `(${streams.join(' or ')})`
  return history.only ? `(${asOf} and ${q(history.only.column)} = {only:String})` : asOf
}

function proofOf(counts: readonly string[]): string {
  return `arrayStringConcat([${counts.map(count => `toString(${count})`).join(', ')}], ' ')`
}

/** The aggregate of one value. The last facts are found once for all values that need them, since the server computes equal expressions once. */
function aggregateOf(history: ClickHouseHistory, value: string): string {
  const { aggregate, column } = history.values[value] ?? { aggregate: 'sum', column: value }
  if (aggregate === 'sum') return `sumIf(${q(column)}, in_epoch)`
  const last = Object.values(history.values).flatMap(each => (each.aggregate === 'last' ? [each.column] : []))
  const order = [history.sequenceColumn, ...history.address].map(q).join(', ')
  return `tupleElement(argMaxIf(tuple(${last.map(q).join(', ')}), (${order}), in_epoch), ${last.indexOf(column) + 1})`
}
