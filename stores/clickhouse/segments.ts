import { Buffer } from 'node:buffer'
import type { LegContext } from '../../epoch/leg.ts'
import { type Segment, type SegmentEntry, segmentEntries } from '../checkpoints/checkpoint.ts'
import type { SealedSegment } from '../checkpoints/ledger.ts'
import type { ClickHouseConnection, QueryParameters } from './connection.ts'
import type { ClickHouseHistory } from './history.ts'
import { factColumns, type TableFacts } from './history-statement.ts'
import { quoteIdentifier as q, quoteTable } from './identifiers.ts'

/** A stretch of whole segments of one stream of a history, both ends included. */
export interface SegmentRange {
  readonly stream: string
  readonly first: bigint
  readonly last: bigint
  readonly size: bigint
}

/** A fact as it stands in the history, for a report. */
export interface AddressedFact {
  readonly address: string
  readonly hash: bigint
}

/** The numbers of the segments in the range that hold any row, ascending. */
export async function segmentsInUse(
  connection: ClickHouseConnection,
  history: ClickHouseHistory,
  range: SegmentRange,
  context: LegContext,
): Promise<readonly bigint[]> {
  const rows = await connection.rows(
    `select toString(segment) as number from (
      select distinct ${segmentOf(history)} as segment from ${quoteTable(history.table)} where ${inSegments(history)}
    ) order by segment`,
    parametersOf(range),
    context,
  )
  return rows.map(row => BigInt(String(row['number'])))
}

/** Counts and hashes of the segments in the range as their rows stand, repeated deliveries counted as often as they came. */
export async function hashRows(
  connection: ClickHouseConnection,
  history: ClickHouseHistory,
  range: SegmentRange,
  context: LegContext,
): Promise<readonly SealedSegment[]> {
  const rows = await connection.rows(
    `select toString(${segmentOf(history)} as segment) as number, toString(count()) as facts, toString(sumWithOverflow(${hashOf(history)})) as digest
    from ${quoteTable(history.table)} where ${inSegments(history)}
    group by segment order by segment`,
    parametersOf(range),
    context,
  )
  return rows.map(row => ({ number: BigInt(String(row['number'])), facts: BigInt(String(row['facts'])), digest: String(row['digest']) }))
}

/** Counts and hashes of the distinct facts of the segments in the range, with those of each sequence. */
export async function hashFacts(
  connection: ClickHouseConnection,
  history: ClickHouseHistory,
  table: TableFacts,
  range: SegmentRange,
  context: LegContext,
): Promise<readonly Segment[]> {
  const by = factColumns(history).map(q).join(', ')
  const entry = `concat(
    reinterpretAsFixedString(toUInt32(sequence - segment * {size:UInt64})), reinterpretAsFixedString(toUInt32(facts)),
    reinterpretAsFixedString(bitAnd(hash, toUInt128(18446744073709551615))::UInt64))`
  const rows = await connection.rows(
    `select toString(segment) as number, toString(sum(facts)) as n, toString(sumWithOverflow(hash)) as digest,
      base64Encode(arrayStringConcat(arrayMap(each -> each.2, arraySort(groupArray((sequence, ${entry})))))) as entries
    from (
      select ${q(history.sequenceColumn)}::UInt64 as sequence, ${segmentOf(history)} as segment, count() as facts, sumWithOverflow(${hashOf(history)}) as hash
      from (select ${by} from ${quoteTable(history.table)} where ${inSegments(history)} ${table.sortedByAddress ? `order by ${by}` : ''} limit 1 by ${by})
      group by sequence, segment
    )
    group by segment order by segment`,
    parametersOf(range),
    context,
  )
  return rows.map(row => ({
    stream: range.stream,
    number: BigInt(String(row['number'])),
    facts: BigInt(String(row['n'])),
    digest: String(row['digest']),
    entries: Buffer.from(String(row['entries']), 'base64'),
  }))
}

/** The distinct facts at one sequence of a stream, by content address, at most `limit`. */
export async function factsAt(
  connection: ClickHouseConnection,
  history: ClickHouseHistory,
  stream: string,
  sequence: bigint,
  limit: number,
  context: LegContext,
): Promise<readonly AddressedFact[]> {
  const address = history.address.map(column => `toString(${q(column)})`).join(` || ' ' || `)
  const rows = await connection.rows(
    `select distinct ${address} as address, toString(bitAnd(${hashOf(history)}, toUInt128(18446744073709551615))) as hash
    from ${quoteTable(history.table)} where ${q(history.streamColumn)} = {stream:String} and ${q(history.sequenceColumn)} = {sequence:UInt64}
    order by address limit {most:UInt64}`,
    { stream, sequence: sequence.toString(), most: String(limit) },
    context,
  )
  return rows.map(row => ({ address: String(row['address']), hash: BigInt(String(row['hash'])) }))
}

/** A share of the addresses at a time, so that what must be remembered of them stays small. */
const ADDRESS_PARTS = 8

/**
 * Content addresses that stand at more than one place of the streams, at most `limit`: two facts under one address, which a run that reads only what came since
 * cannot see when the other place lies below its checkpoint. Looks at the whole table.
 */
export async function refiledAddresses(
  connection: ClickHouseConnection,
  history: ClickHouseHistory,
  limit: number,
  context: LegContext,
): Promise<readonly string[]> {
  const address = history.address.map(q).join(', ')
  const places = [history.streamColumn, history.sequenceColumn].map(q).join(', ')
  const share = `from ${quoteTable(history.table)} where cityHash64(${address}) % ${ADDRESS_PARTS} = {part:UInt64}`
  const found: string[] = []
  for (let part = 0; part < ADDRESS_PARTS && found.length < limit; part++) {
    const parameters = { part: String(part) }
    const [counts] = await connection.rows(
      `select toString(uniqExact(cityHash64(${address}))) as addresses, toString(uniqExact(cityHash64(${address}, ${places}))) as places ${share}`,
      parameters,
      context,
    )
    if (counts?.['addresses'] === counts?.['places']) continue
    const named = history.address.map(column => `toString(${q(column)})`).join(` || ' ' || `)
    const rows = await connection.rows(
      `select ${named} as address ${share} group by ${address} having uniqExact(${places}) > 1 order by address limit {most:UInt64}`,
      { ...parameters, most: String(limit - found.length) },
      context,
    )
    found.push(...rows.map(row => String(row['address'])))
  }
  return found
}

/** The sequences at which two pictures of a segment part, with what each says there; undefined on the side that says nothing. */
export function differingSequences(
  sealed: Uint8Array,
  live: Uint8Array,
): readonly { readonly offset: number; readonly sealed: SegmentEntry | undefined; readonly live: SegmentEntry | undefined }[] {
  const [before, now] = [sealed, live].map(bytes => new Map(segmentEntries(bytes).map(entry => [entry.offset, entry])))
  const offsets = [...new Set([...(before?.keys() ?? []), ...(now?.keys() ?? [])])].sort((a, b) => a - b)
  return offsets
    .map(offset => ({ offset, sealed: before?.get(offset), live: now?.get(offset) }))
    .filter(({ sealed: a, live: b }) => a?.facts !== b?.facts || a?.hash !== b?.hash)
}

function segmentOf(history: ClickHouseHistory): string {
  return `intDiv(${q(history.sequenceColumn)}::UInt64, {size:UInt64})`
}

/** The hash of a fact, of all its columns as they are stored: a column of another type makes another history. Each stands in a tuple, so that NULL has a hash. */
function hashOf(history: ClickHouseHistory): string {
  const columns = factColumns(history).map(column => `tuple(${q(column)})`)
  return `reinterpretAsUInt128(sipHash128(${columns.join(', ')}))`
}

function inSegments(history: ClickHouseHistory): string {
  const sequence = q(history.sequenceColumn)
  return `${q(history.streamColumn)} = {stream:String} and ${sequence} >= {low:UInt64} and ${sequence} <= {high:UInt64}`
}

function parametersOf({ stream, first, last, size }: SegmentRange): QueryParameters {
  return { stream, size: size.toString(), low: (first * size).toString(), high: ((last + 1n) * size - 1n).toString() }
}
