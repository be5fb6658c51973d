import { type Epoch, type Sequence, sequenceOf } from '../../epoch/epoch.ts'
import { type Segment, type SegmentWidths, segmentWeightSql } from '../../epoch/fact.ts'
import type { LegContext } from '../../epoch/leg.ts'
import { readAmount, readEffect, readExecution, readPosition, readStamps, readTotals, type TextRow } from './log-facts-row.ts'
import { EFFECT_COLUMNS, effectsSql, executionsSql, type LogTables, stateSql } from './log-facts-sql.ts'
import type { PostgresStore } from './postgres-store.ts'
import { openSession, type PostgresSession } from './session.ts'

/** What the tables are called, who is credited with every fee, and how long all of the reading may take. */
export interface LogFactsOptions {
  readonly tables: LogTables
  readonly feeAccount: string
  readonly totalTimeoutMs: number
}

interface BalanceKey {
  readonly account: string
  readonly asset: string
}

type Assets = ReadonlyMap<string, string>

const FETCHED_ROWS = 5_000

/**
 * Reads PostgreSQL's logs and state rows in one repeatable read transaction, which lasts until `close`. Only selects are sent, each bounded by the store's
 * statement timeout; what may be long comes through a cursor. Rejects with `StoreError`.
 */
export async function openLogFacts(store: PostgresStore, options: LogFactsOptions, context: LegContext) {
  const { tables, feeAccount } = options
  const { name } = store
  const session = await openSession(store, context)
  try {
    await session.query(beginReading(store, options.totalTimeoutMs))
  } catch (error) {
    await session.close()
    throw error
  }
  let cursors = 0
  const cursor = (sql: string, values: readonly unknown[]) => rowsOfCursor(session, `facts_${++cursors}`, sql, values)
  const settling = (assets: Assets) => [[...assets.keys()], [...assets.values()], feeAccount]

  return {
    /** The balances of these keys; null where there is no row. */
    balances: async (keys: readonly BalanceKey[]) => {
      const sql = stateSql(tables.balances, ['account_id', 'asset'], ['balance'])
      const rows = await session.query<TextRow>(sql, [keys.map(key => key.account), keys.map(key => key.asset)])
      return rows.map(row =>
        row['present'] === null ? null : { values: readAmount(name, row, 'balance'), stamps: readStamps(row, tables.balances) },
      )
    },

    /** The positions of these keys; null where there is no row. */
    positions: async (keys: readonly { readonly account: string; readonly symbol: string }[]) => {
      const sql = stateSql(tables.positions, ['account_id', 'symbol'], ['quantity', 'cost_basis', 'realized_pnl'])
      const rows = await session.query<TextRow>(sql, [keys.map(key => key.account), keys.map(key => key.symbol)])
      return rows.map(row =>
        row['present'] === null ? null : { values: readPosition(name, row), stamps: readStamps(row, tables.positions) },
      )
    },

    /** What the logs did to these balances up to the epoch, by segments; in the order of the keys. */
    async *ledgerSegments(keys: readonly BalanceKey[], assets: Assets, epoch: Epoch, widths: SegmentWidths) {
      const segment = `e.sequence / case e.stream when 'cash' then $9::bigint else $8::bigint end`
      const rows = cursor(
        `select (w.place - 1)::text as place, e.stream, (${segment})::text as segment, e.effect, count(*)::text as facts,
          trim_scale(sum(e.amount))::text as sum, trim_scale(sum((e.amount + 1) * ${segmentWeightSql('e.sequence')}))::text as weighted
        from (${effectsSql(tables, 't.sequence <= $6::bigint', 't.sequence <= $7::bigint')}) as e
        join unnest($4::text[], $5::text[]) with ordinality as w (account_id, asset, place)
          on e.account_id = w.account_id and (e.asset = w.asset or e.asset is null)
        where e.account_id = any($4::text[])
        group by w.place, e.stream, ${segment}, e.effect
        order by w.place`,
        [
          ...settling(assets),
          keys.map(key => key.account),
          keys.map(key => key.asset),
          sequenceOf(epoch, 'dropcopy').toString(),
          sequenceOf(epoch, 'cash').toString(),
          ...widthsOf(widths),
        ],
      )
      for await (const row of rows) yield { place: Number(row['place']), fact: readTotals(name, row) }
    },

    /** What the logs did to these balances in some segments of each, in the order of the keys, and of stream and sequence within a key. */
    async *ledger(
      keys: readonly BalanceKey[],
      assets: Assets,
      epoch: Epoch,
      opened: readonly { readonly place: number; readonly fact: Segment }[],
      widths: SegmentWidths,
    ) {
      if (opened.length === 0) return
      const bounds = (['dropcopy', 'cash'] as const).flatMap(stream => boundsOf(opened, stream, epoch, widths))
      const rows = cursor(
        `select (w.place - 1)::text as place, ${EFFECT_COLUMNS}
        from (${effectsSql(tables, 't.sequence between $6::bigint and $7::bigint', 't.sequence between $8::bigint and $9::bigint')}) as e
        join unnest($4::text[], $5::text[]) with ordinality as w (account_id, asset, place)
          on e.account_id = w.account_id and (e.asset = w.asset or e.asset is null)
        join unnest($12::bigint[], $13::text[], $14::bigint[]) as o (place, stream, segment)
          on o.place = w.place - 1 and o.stream = e.stream
          and o.segment = e.sequence / case e.stream when 'cash' then $11::bigint else $10::bigint end
        where e.account_id = any($4::text[])
        order by w.place, e.stream collate "C", e.sequence, e.effect, e.execution_id`,
        [
          ...settling(assets),
          keys.map(key => key.account),
          keys.map(key => key.asset),
          ...bounds,
          ...widthsOf(widths),
          opened.map(({ place }) => place.toString()),
          opened.map(({ fact }) => fact.stream),
          opened.map(({ fact }) => fact.segment.toString()),
        ],
      )
      for await (const row of rows) yield { place: Number(row['place']), fact: readEffect(name, row) }
    },

    /** The executions of these positions up to the epoch, each with what it adds; ordered like `ledger`. */
    async *executions(keys: readonly { readonly account: string; readonly symbol: string }[], epoch: Epoch) {
      const rows = cursor(executionsSql(tables), [
        keys.map(key => key.account),
        keys.map(key => key.symbol),
        sequenceOf(epoch, 'dropcopy').toString(),
      ])
      for await (const row of rows) yield { place: Number(row['place']), fact: readExecution(name, row) }
    },

    /** Everything that the logs say of these sequences. */
    ledgerAt: async (places: readonly { readonly stream: string; readonly sequence: Sequence }[], assets: Assets) => {
      const sequences = (stream: string) => places.filter(place => place.stream === stream).map(place => place.sequence.toString())
      const rows = await session.query<TextRow>(
        `select ${EFFECT_COLUMNS} from (${effectsSql(tables, 't.sequence = any($4::bigint[])', 't.sequence = any($5::bigint[])')}) as e`,
        [...settling(assets), sequences('dropcopy'), sequences('cash')],
      )
      return rows.map(row => readEffect(name, row))
    },

    /** The transfers with one of these IDs or references, oldest first, at most `limit`. */
    transfersNamed: async (names: readonly string[], limit: number) => {
      const named = 't.transfer_id = any($4::text[]) or t.custodian_reference = any($4::text[])'
      const rows = await session.query<TextRow>(
        `select ${EFFECT_COLUMNS} from (${effectsSql(tables, 'false', named)}) as e order by e.sequence limit $5::int`,
        [...settling(new Map()), [...names], limit],
      )
      return rows.map(row => readEffect(name, row))
    },

    /** Ends the transaction and the connection. Safe to call twice; never rejects. */
    close: () => session.close(),
  }
}

function widthsOf(widths: SegmentWidths): readonly string[] {
  return [widthOf(widths, 'dropcopy').toString(), widthOf(widths, 'cash').toString()]
}

function widthOf(widths: SegmentWidths, stream: string): Sequence {
  return widths[stream] ?? 1n
}

/** The least and the greatest sequence of the opened segments of a stream: an index on the sequence makes a short range of it. Nothing where there are none. */
function boundsOf(
  opened: readonly { readonly fact: Segment }[],
  stream: string,
  epoch: Epoch,
  widths: SegmentWidths,
): readonly [least: string, greatest: string] {
  const width = widthOf(widths, stream)
  const segments = opened.flatMap(({ fact }) => (fact.stream === stream ? [fact.segment] : []))
  const [first] = segments
  if (first === undefined) return ['1', '0']
  const least = segments.reduce((a, b) => (b < a ? b : a), first) * width
  const greatest = (segments.reduce((a, b) => (b > a ? b : a), first) + 1n) * width - 1n
  const last = sequenceOf(epoch, stream)
  return [least.toString(), (greatest < last ? greatest : last).toString()]
}

/** Begins the transaction. It is idle while ClickHouse is read, so it may be so for as long as all of the reading may take. */
function beginReading(store: PostgresStore, totalTimeoutMs: number): string {
  return `begin isolation level repeatable read read only;
    set local statement_timeout = ${Math.ceil(store.statementTimeoutMs)};
    set local idle_in_transaction_session_timeout = ${Math.ceil(totalTimeoutMs)};
    set local lock_timeout = ${Math.ceil(store.statementTimeoutMs)};
    set local row_security = off;
    set local cursor_tuple_fraction = 1;
    set local work_mem = '128MB';
    set local jit = off`
}

async function* rowsOfCursor(session: PostgresSession, name: string, sql: string, values: readonly unknown[]): AsyncGenerator<TextRow> {
  await session.query(`declare ${name} no scroll cursor for ${sql}`, values)
  for (;;) {
    const rows = await session.query<TextRow>(`fetch forward ${FETCHED_ROWS} from ${name}`)
    yield* rows
    if (rows.length < FETCHED_ROWS) break
  }
  await session.query(`close ${name}`)
}
