import { parseSequence, type Sequence } from '../../epoch/epoch.ts'
import type { LegContext } from '../../epoch/leg.ts'
import { poll } from '../poll.ts'
import type { ClickHouseConnection } from './connection.ts'
import { quoteIdentifier as q, quoteTable } from './identifiers.ts'
import { type MarkTable, quotedColumns } from './mark-table.ts'
import type { WatermarkTable } from './watermarks.ts'

/** The stream of a cycle's watermark; its sequence is the cycle's number. */
export const MARK_STREAM = 'mark_cycle'

/** A cycle that may be looked at, and how many distinct marks there must be above `after` up to it; undefined where nothing vouches for it. */
export interface MarkCycle {
  readonly number: Sequence
  /** The number of the cycle whose watermark stands before this one's, or 0. */
  readonly after: Sequence
  readonly rowsTotal: bigint | undefined
}

/** The newest cycle, or why there is none to be had. */
export type NewestCycle =
  | { readonly kind: 'found'; readonly cycle: MarkCycle }
  | { readonly kind: 'none' }
  | { readonly kind: 'conflict'; readonly number: Sequence; readonly rowsTotal: readonly bigint[] }

/** The newest cycle that a watermark vouches for. A watermark that counts no mark at all is none: nothing was ever marked. */
export async function newestVouchedCycle(
  connection: ClickHouseConnection,
  watermarks: WatermarkTable,
  forTable: string,
  context: LegContext,
): Promise<NewestCycle> {
  const sequence = q(watermarks.sequenceColumn)
  const rows = await connection.rows(
    `select toString(${sequence}) as at, groupUniqArray(toString(${q(watermarks.rowsTotalColumn)})) as totals
    from ${quoteTable(watermarks.table)}
    where ${q(watermarks.tableNameColumn)} = {forTable:String} and ${q(watermarks.streamColumn)} = {stream:String}
    group by ${sequence} order by ${sequence} desc limit 2`,
    { forTable, stream: MARK_STREAM },
    context,
  )
  const [newest, before = { number: 0n, totals: [0n] }] = rows.map(row => ({
    number: parseSequence(row['at'], `a watermark of ${forTable}`),
    totals: Array.isArray(row['totals']) ? row['totals'].map(total => BigInt(String(total))) : [],
  }))
  if (newest === undefined) return { kind: 'none' }
  const torn = [newest, before].find(({ totals }) => totals.length > 1)
  if (torn) return { kind: 'conflict', number: torn.number, rowsTotal: torn.totals.sort() }
  const [total = 0n, upToBefore = 0n] = [newest.totals[0], before.totals[0]]
  if (total === 0n) return { kind: 'none' }
  return { kind: 'found', cycle: { number: newest.number, after: before.number, rowsTotal: total - upToBefore } }
}

/** The greatest cycle that has rows, at or below `most` where that is given; for stores without watermarks, and for cycles without rows. */
export async function newestWrittenCycle(
  connection: ClickHouseConnection,
  marks: MarkTable,
  most: Sequence | undefined,
  context: LegContext,
): Promise<Sequence | undefined> {
  const { mark_cycle: cycle } = quotedColumns(marks)
  const [row] = await connection.rows(
    `select toString(${cycle}) as number from ${quoteTable(marks.table)}
    ${most === undefined ? '' : `where ${cycle} <= {most:UInt64}`} order by ${cycle} desc limit 1`,
    most === undefined ? {} : { most: most.toString() },
    context,
  )
  return row === undefined ? undefined : parseSequence(row['number'], 'a mark cycle')
}

/** Counts the rows above `after` up to the cycle, repeated deliveries too. */
export async function countMarks(
  connection: ClickHouseConnection,
  marks: MarkTable,
  { number, after }: MarkCycle,
  context: LegContext,
): Promise<bigint> {
  const { mark_cycle: cycle } = quotedColumns(marks)
  const [row] = await connection.rows(
    `select toString(count()) as n from ${quoteTable(marks.table)} where ${cycle} > {after:UInt64} and ${cycle} <= {number:UInt64}`,
    { after: after.toString(), number: number.toString() },
    context,
  )
  return BigInt(String(row?.['n']))
}

/**
 * Waits until there are as many rows as the cycle's watermark vouches for, or until the deadline. Gives whether there are other than those, as there are where
 * deliveries were repeated: a hint, which the reading proves or refutes.
 */
export async function awaitMarks(
  connection: ClickHouseConnection,
  marks: MarkTable,
  cycle: MarkCycle,
  deadlineMs: number,
  context: LegContext,
): Promise<{ readonly repeats: boolean }> {
  const { rowsTotal } = cycle
  if (rowsTotal === undefined) return { repeats: true }
  const rows = await poll(
    () => countMarks(connection, marks, cycle, context),
    counted => counted >= rowsTotal,
    deadlineMs,
    context,
  )
  return { repeats: rows !== rowsTotal }
}

/** What the rows of a cycle say of the cycle: what most accounts say, where they do not all say the same. */
export interface CycleFacts {
  readonly stream: string
  readonly sequence: Sequence
  /** The mark price of each symbol as exact text. */
  readonly prices: ReadonlyMap<string, string>
}

/**
 * Reads at what epoch and at which prices a cycle was computed; undefined where it has no rows. With `repeats`, rows that were delivered several times have one
 * vote all the same.
 */
export async function readCycleFacts(
  connection: ClickHouseConnection,
  marks: MarkTable,
  number: Sequence,
  { repeats }: { readonly repeats: boolean },
  context: LegContext,
): Promise<CycleFacts | undefined> {
  const column = quotedColumns(marks)
  const votes = repeats ? `uniqExact(${column.account_id}, ${column.symbol})` : 'count()'
  const from = `from ${quoteTable(marks.table)} where ${column.mark_cycle} = {number:UInt64}`
  const parameters = { number: number.toString() }
  const [epochs, prices] = await Promise.all([
    connection.rows(
      `select toString(${column.stream}) as stream, toString(${column.sequence}) as sequence ${from}
      group by ${column.stream}, ${column.sequence}
      order by ${votes} desc, ${column.stream}, ${column.sequence} limit 1`,
      parameters,
      context,
    ),
    connection.rows(
      `select toString(${column.symbol}) as symbol, toString(${column.mark_price}) as price ${from}
      group by ${column.symbol}, ${column.mark_price}
      order by ${column.symbol}, ${votes} desc, ${column.mark_price} limit 1 by ${column.symbol}`,
      parameters,
      context,
    ),
  ])
  const [epoch] = epochs
  if (epoch === undefined) return undefined
  return {
    stream: String(epoch['stream']),
    sequence: parseSequence(epoch['sequence'], `the epoch of mark cycle ${number}`),
    prices: new Map(prices.map(row => [String(row['symbol']), String(row['price'])])),
  }
}
