import type { Decimal } from '../../epoch/decimal.ts'
import { type Epoch, parseSequence, type Sequence, sequenceOf } from '../../epoch/epoch.ts'
import type { LedgerFact, PositionFact, Segment, SegmentTotals, SegmentWidths } from '../../epoch/fact.ts'
import type { LegContext } from '../../epoch/leg.ts'
import type { ClickHouseConnection, QueryParameters } from './connection.ts'
import { readAmount, readPositionRow, readSequence, readTransaction } from './history-facts-row.ts'
import { type HistoryTable, POSITION_COLUMNS, reading, segmentsSql, TRANSACTION_COLUMNS } from './history-facts-sql.ts'
import type { JsonRow } from './json-answer.ts'

/** The tables that facts are read from, and how many rows a question about single facts may be answered with. */
export interface HistoryFactsOptions {
  readonly tables: Readonly<Record<'transactions' | 'positions', HistoryTable>>
  readonly rowsMax: number
}

interface Place {
  readonly stream: string
  readonly sequence: Sequence
}

interface BalanceKey {
  readonly account: string
  readonly asset: string
}

interface PositionKey {
  readonly account: string
  readonly symbol: string
}

const PAGE_ROWS = 20_000

/**
 * Reads rows of ClickHouse's history as of an epoch, repeated ones as they are, in the order of stream and sequence. Only selects are sent, bounded in rows here and
 * in time by the connection. Rejects with `StoreError`.
 */
export function historyFacts(connection: ClickHouseConnection, { tables, rowsMax }: HistoryFactsOptions, context: LegContext) {
  const store = connection.store.name
  const transactions = reading(tables.transactions, TRANSACTION_COLUMNS)
  const positions = reading(tables.positions, POSITION_COLUMNS)

  /** All rows up to the epoch, in pages that never end within a sequence, so that none is lost between two of them. */
  async function* upTo(
    source: { readonly select: string },
    where: string,
    parameters: QueryParameters,
    epoch: Epoch,
  ): AsyncGenerator<JsonRow> {
    for (const stream of Object.keys(epoch).sort(compareBytes)) {
      const last = sequenceOf(epoch, stream).toString()
      for (let after: string | undefined; ; ) {
        const page = await connection.rows(
          `${source.select} where ${where} and stream = {stream:String} and sequence <= {last:UInt64}${after === undefined ? '' : ' and sequence > {after:UInt64}'}
          order by sequence limit ${PAGE_ROWS} with ties`,
          { ...parameters, stream, last, ...(after === undefined ? {} : { after }) },
          context,
        )
        yield* page
        if (page.length < PAGE_ROWS) break
        after = String(page.at(-1)?.['c_sequence'])
      }
    }
  }
  const some = async (where: string, parameters: QueryParameters): Promise<readonly LedgerFact[]> => {
    const sql = `${transactions.select} where ${where} order by stream, sequence, transaction_id limit ${rowsMax}`
    return (await connection.rows(sql, parameters, context)).map(row => readTransaction(store, row))
  }
  async function* transactionsUpTo(where: string, parameters: QueryParameters, epoch: Epoch): AsyncGenerator<LedgerFact> {
    for await (const row of upTo(transactions, where, parameters, epoch)) yield readTransaction(store, row)
  }

  return {
    /** In which asset each symbol settles, going by most of its transactions. */
    assetsOfSymbols: async (epoch: Epoch): Promise<ReadonlyMap<string, string>> => {
      const rows = await connection.rows(
        `select toString(symbol) as s, argMax(a, n) as most from (
          select symbol, toString(asset) as a, count() as n from ${transactions.table}
          where symbol != '' and stream = 'dropcopy' and sequence <= {last:UInt64} group by symbol, a) as counted
        group by symbol limit ${rowsMax}`,
        { last: sequenceOf(epoch, 'dropcopy').toString() },
        context,
      )
      return new Map(rows.map(row => [String(row['s']), String(row['most'])]))
    },

    /** What the distinct rows that changed one balance come to, by segments, and how many rows there are. */
    transactionSegments: async ({ account, asset }: BalanceKey, epoch: Epoch, widths: SegmentWidths) => {
      const totals: SegmentTotals[] = []
      let rows = 0n
      for (const [stream, last] of Object.entries(epoch)) {
        const found = await connection.rows(
          segmentsSql(tables.transactions),
          { account, asset, stream, last: last.toString(), width: (widths[stream] ?? 1n).toString() },
          context,
        )
        for (const row of found) {
          totals.push({
            stream,
            segment: parseSequence(row['c_segment'], 'a segment of the history'),
            effect: String(row['c_effect']),
            facts: parseSequence(row['c_facts'], 'a count of the history'),
            sum: readAmount(store, row, 'c_sum'),
            weighted: readAmount(store, row, 'c_weighted'),
          })
        }
        const [counted] = await connection.rows(
          `select toString(count()) as n from ${transactions.table}
          where account_id = {account:String} and asset = {asset:String} and stream = {stream:String} and sequence <= {last:UInt64}`,
          { account, asset, stream, last: last.toString() },
          context,
        )
        rows += parseSequence(counted?.['n'], 'a count of the history')
      }
      return { totals, rows }
    },

    /** The rows that changed one balance in some segments. */
    async *transactions({ account, asset }: BalanceKey, epoch: Epoch, opened: readonly Segment[], widths: SegmentWidths) {
      for (const stream of [...new Set(opened.map(segment => segment.stream))].sort(compareBytes)) {
        const segments = opened.flatMap(each => (each.stream === stream ? [each.segment] : []))
        const width = widths[stream] ?? 1n
        const first = segments.reduce((a, b) => (b < a ? b : a)) * width
        const end = (segments.reduce((a, b) => (b > a ? b : a)) + 1n) * width
        const where = `account_id = {account:String} and asset = {asset:String} and sequence >= {first:UInt64} and sequence < {end:UInt64}
          and intDiv(sequence, {width:UInt64}) in arrayMap(text -> toUInt64(text), {segments:Array(String)})`
        const parameters = { account, asset, first: first.toString(), end: end.toString(), width: width.toString() }
        yield* transactionsUpTo(
          where,
          { ...parameters, segments: segments.map(segment => segment.toString()) },
          { [stream]: sequenceOf(epoch, stream) },
        )
      }
    },

    /** The last rows of one balance that have none of these effects, by stream; in the order of their sequences within a stream. */
    otherRows: async (
      { account, asset }: BalanceKey,
      effects: Readonly<Record<string, readonly string[]>>,
      epoch: Epoch,
      limit: number,
    ): Promise<readonly LedgerFact[]> => {
      const found: LedgerFact[] = []
      for (const [stream, last] of Object.entries(epoch)) {
        const rows = await connection.rows(
          `${transactions.select} where account_id = {account:String} and asset = {asset:String} and stream = {stream:String} and sequence <= {last:UInt64}
          and kind not in {effects:Array(String)} order by sequence desc, transaction_id desc limit 1 by ${TRANSACTION_COLUMNS.join(', ')} limit ${limit}`,
          { account, asset, stream, last: last.toString(), effects: effects[stream] ?? [] },
          context,
        )
        found.push(...rows.map(row => readTransaction(store, row)).reverse())
      }
      return found
    },

    /** What one account realized in one symbol. */
    realized: ({ account, symbol }: PositionKey, epoch: Epoch) =>
      transactionsUpTo(`account_id = {account:String} and symbol = {symbol:String} and kind = 'realized_pnl'`, { account, symbol }, epoch),

    /** The rows of one position. */
    async *positions({ account, symbol }: PositionKey, epoch: Epoch): AsyncGenerator<PositionFact> {
      const where = 'account_id = {account:String} and symbol = {symbol:String}'
      for await (const row of upTo(positions, where, { account, symbol }, epoch)) yield readPositionRow(store, row)
    },

    /** The last row of a position; undefined where it has none. */
    lastPosition: async ({ account, symbol }: PositionKey, epoch: Epoch): Promise<PositionFact | undefined> => {
      const [row] = await connection.rows(
        `${positions.select} where account_id = {account:String} and symbol = {symbol:String} and stream = 'dropcopy' and sequence <= {last:UInt64}
        order by sequence desc, execution_id desc limit 1`,
        { account, symbol, last: sequenceOf(epoch, 'dropcopy').toString() },
        context,
      )
      return row && readPositionRow(store, row)
    },

    /** All rows of these sequences, whoever they concern. */
    transactionsAt: async (places: readonly Place[]): Promise<readonly LedgerFact[]> => {
      const streams = [...new Set(places.map(place => place.stream))]
      const sequencesOf = (stream: string) => places.filter(place => place.stream === stream).map(place => place.sequence.toString())
      const parameters = streams.flatMap((stream, at) => [[`s${at}`, stream] as const, [`q${at}`, sequencesOf(stream)] as const])
      const where = streams.map(
        (_, at) => `(stream = {s${at}:String} and sequence in arrayMap(text -> toUInt64(text), {q${at}:Array(String)}))`,
      )
      return streams.length === 0 ? [] : some(where.join(' or '), Object.fromEntries(parameters))
    },

    /** The rows with one of these content addresses, wherever they stand. */
    transactionsWithIds: async (ids: readonly string[]): Promise<readonly LedgerFact[]> =>
      ids.length === 0 ? [] : some('transaction_id in {ids:Array(String)}', { ids }),

    /**
     * Of the events that moved a balance in one of these ways up to the epoch, those whose rows of that asset do not sum to zero over all accounts; the first ones.
     */
    unbalancedEvents: async ({ account, asset }: BalanceKey, effects: readonly string[], epoch: Epoch, limit: number) => {
      const streams = Object.entries(epoch)
      const asOf = streams.map((_, at) => `(stream = {s${at}:String} and sequence <= {e${at}:UInt64})`).join(' or ')
      const moved = `asset = {asset:String} and kind in {effects:Array(String)} and (${asOf || 'false'})`
      const rows = await connection.rows(
        `select toString(stream) as c_stream, toString(sequence) as c_sequence, toString(sum(toDecimal256(amount, 38))) as total
        from (
          select distinct ${TRANSACTION_COLUMNS.join(', ')} from ${transactions.table}
          where ${moved} and (stream, sequence) in (select stream, sequence from ${transactions.table} where account_id = {account:String} and ${moved})
        ) as events
        group by stream, sequence having sum(toDecimal256(amount, 38)) != 0 order by stream, sequence limit ${limit}`,
        {
          account,
          asset,
          effects,
          ...Object.fromEntries(
            streams.flatMap(([stream, last], at) => [
              [`s${at}`, stream],
              [`e${at}`, last.toString()],
            ]),
          ),
        },
        context,
      )
      return rows.map((row): Place & { readonly sum: Decimal } => ({
        stream: String(row['c_stream']),
        sequence: readSequence(row),
        sum: readAmount(store, row, 'total'),
      }))
    },
  }
}

function compareBytes(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b))
}
