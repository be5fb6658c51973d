import type { ClickHouseClient } from '@clickhouse/client'
import { z } from 'zod'
import { BUST_DISTANCE_MAX } from './dropcopy-layout.ts'
import { keyOf } from './engine-batch.ts'
import { parseMoney, parseQuantity } from './fixed-point.ts'
import { flat, type Position } from './fold.ts'
import type { SinkMemory } from './sink-fold.ts'

/** How far the watermark of one table and stream stands. */
export interface Counter {
  readonly sequence: bigint
  readonly rowsTotal: bigint
}

/** Where a sink begins: its counters as the watermarks say, and its memory as of the dropcopy sequence from which it folds again. */
export interface RecoveredSink {
  readonly transactionsDropcopy: Counter
  readonly transactionsCash: Counter
  readonly positionsDropcopy: Counter
  readonly marks: Counter
  /** Everything up to here is in the memory. */
  readonly folded: bigint
  readonly memory: SinkMemory
}

const watermarkRows = z.array(z.tuple([z.string(), z.string(), z.string(), z.string()]))
const texts = z.array(z.string())
// One row of columns: a tenth of the work of as many rows as there are positions.
const positionColumns = z.tuple([z.tuple([texts, texts, texts, texts, texts])])
const positionRows = z.array(z.tuple([z.string(), z.string(), z.string(), z.string(), z.string(), z.string()]))

/**
 * Recovers a sink from what it has vouched for and nothing else: rows above a watermark may be there or not, so they are folded and written again. Costs one
 * pass over the history of positions inside ClickHouse, so the time of a restart hardly grows with what lies behind. `cycleDue` gives the dropcopy sequence
 * of the mark cycle after the last one that is vouched for: it must be folded again, since it may be there in part.
 */
export async function recoverSink(client: ClickHouseClient, cycleDue: (last: bigint) => bigint | undefined): Promise<RecoveredSink> {
  const counters = await readCounters(client)
  const counter = (table: string, stream: string): Counter => counters.get(`${table}/${stream}`) ?? { sequence: 0n, rowsTotal: 0n }
  const transactionsDropcopy = counter('transactions', 'dropcopy')
  const positionsDropcopy = counter('positions', 'dropcopy')
  const marks = counter('pnl_marks', 'mark_cycle')
  const delivered = lesser(transactionsDropcopy.sequence, positionsDropcopy.sequence)
  const due = cycleDue(marks.sequence)
  const folded = due === undefined ? delivered : lesser(delivered, due - 1n)
  return {
    transactionsDropcopy,
    transactionsCash: counter('transactions', 'cash'),
    positionsDropcopy,
    marks,
    folded,
    memory: await readMemory(client, folded),
  }
}

/** The greatest watermark of each table and stream; two that contradict each other vouch for nothing. */
async function readCounters(client: ClickHouseClient): Promise<Map<string, Counter>> {
  const answer = await client.query({
    query: `
      select table_name, stream, toString(max(sequence)), toString(argMax(rows, sequence))
      from (
        select table_name, stream, sequence, any(rows_total) as rows
        from sink_watermarks
        group by table_name, stream, sequence
        having uniqExact(rows_total) = 1)
      group by table_name, stream`,
    format: 'JSONCompactEachRow',
  })
  const rows = watermarkRows.parse(await answer.json())
  return new Map(
    rows.map(([table, stream, sequence, rowsTotal]) => [
      `${table}/${stream}`,
      { sequence: BigInt(sequence), rowsTotal: BigInt(rowsTotal) },
    ]),
  )
}

/**
 * The positions as of `sequence`, and what the executions realized that a later bust may name: the state as of some hundred events before, and then the rows
 * from there on, one by one, each realizing what its cumulative figure is above that of the row before.
 */
async function readMemory(client: ClickHouseClient, sequence: bigint): Promise<SinkMemory> {
  const base = sequence > BUST_DISTANCE_MAX ? sequence - BUST_DISTANCE_MAX : 0n
  const state = await client.query({
    query: `
      select groupArray(account_id), groupArray(symbol),
             groupArray(toString(tupleElement(last, 1))), groupArray(toString(tupleElement(last, 2))), groupArray(toString(tupleElement(last, 3)))
      from (
        select account_id, symbol, argMax((quantity, cost_basis, realized_pnl), sequence) as last
        from positions
        where stream = 'dropcopy' and sequence <= {base: UInt64}
        group by account_id, symbol)`,
    query_params: { base: base.toString() },
    format: 'JSONCompactEachRow',
  })
  const positions = readWhenAsked(positionColumns.parse(await state.json())[0])
  const realized = new Map<string, bigint>()
  const recent = await client.query({
    query: `
      select execution_id, account_id, symbol, toString(quantity), toString(cost_basis), toString(realized_pnl)
      from positions
      where stream = 'dropcopy' and sequence > {base: UInt64} and sequence <= {sequence: UInt64}
      order by sequence
      limit 1 by execution_id, account_id, symbol`,
    query_params: { base: base.toString(), sequence: sequence.toString() },
    format: 'JSONCompactEachRow',
  })
  for (const [executionId, accountId, symbol, ...figures] of positionRows.parse(await recent.json())) {
    const key = keyOf(accountId, symbol)
    const after = positionOf(figures)
    realized.set(executionId, after.realizedPnl - (positions.get(key) ?? flat).realizedPnl)
    positions.set(key, after)
  }
  return { positions, realized }
}

/** Most accounts do not trade soon after a restart, so their figures stay text until somebody asks for them. */
function readWhenAsked(columns: z.infer<typeof positionColumns>[0]): SinkMemory['positions'] {
  const [accounts, symbols, quantities, costs, realized] = columns
  const places = new Map(accounts.map((accountId, place) => [keyOf(accountId, symbols[place] ?? ''), place]))
  const read = new Map<string, Position>()
  const textAt = (place: number) => positionOf([quantities[place] ?? '', costs[place] ?? '', realized[place] ?? ''])
  return {
    get: key => {
      const place = places.get(key)
      return read.get(key) ?? (place === undefined ? undefined : textAt(place))
    },
    set: (key, position) => {
      read.set(key, position)
      places.delete(key)
    },
    entries: () => {
      for (const [key, place] of places) read.set(key, textAt(place))
      places.clear()
      return read
    },
  }
}

function positionOf([quantity, costBasis, realizedPnl]: readonly [string, string, string]): Position {
  return { quantity: parseQuantity(quantity), costBasis: parseMoney(costBasis), realizedPnl: parseMoney(realizedPnl) }
}

function lesser(a: bigint, b: bigint): bigint {
  return a < b ? a : b
}
