import type { CanaryRow } from '../../epoch/canary.ts'
import type { Horizon } from '../../epoch/horizon.ts'
import type { AsOfLeg, LegContext } from '../../epoch/leg.ts'
import { poll } from '../poll.ts'
import type { ClickHouseConnection } from './connection.ts'
import { clickHouseHistoryLeg } from './history-leg.ts'
import { quoteTable, showTable } from './identifiers.ts'
import { type CycleFacts, countMarks, MARK_STREAM, type MarkCycle } from './mark-cycles.ts'
import { asHistoryOfCycles, MARK_COLUMNS, type MarkTable, quotedColumns } from './mark-table.ts'
import { mayHoldRepeats, ProvenLines } from './proof.ts'

/** What a line of a mark holds: the key, the figures, the stream and sequence where they are not the cycle's (else empty), and the rest of the fact. */
export const MARK_SHAPE = {
  keys: ['account_id', 'symbol'],
  values: ['mark_price', 'realized_pnl', 'unrealized_pnl', 'strayed_to', 'asset', 'marked_at'],
  aggregating: false,
} as const

/** A cycle as it was found, and whether deliveries seem to have been repeated. */
export interface CycleToRead {
  readonly cycle: MarkCycle
  readonly facts: CycleFacts
  readonly repeats: boolean
}

/**
 * The marks of one cycle as an as-of leg, whose one stream is `mark_cycle`. Each row that was delivered is a line, repeated deliveries too, in the order
 * of their keys: lines that are the same are one fact, and other lines of one key are facts that contradict it. The proof counts the rows that the cycle's
 * watermark counts and the one before it does not, so those of cycles without a watermark of their own are among them.
 */
export function clickHouseMarkLeg(connection: ClickHouseConnection, marks: MarkTable, { cycle, facts, repeats }: CycleToRead): AsOfLeg {
  let collapse = repeats
  const table = showTable(marks.table)
  const at = { [MARK_STREAM]: cycle.number }
  const horizon: Horizon =
    cycle.rowsTotal === undefined
      ? { strategy: 'settle', table, at }
      : { strategy: 'watermark', table, at, rowsTotal: { [MARK_STREAM]: cycle.rowsTotal } }
  const parameters = {
    number: cycle.number.toString(),
    after: cycle.after.toString(),
    stream: facts.stream,
    sequence: facts.sequence.toString(),
  }
  return {
    kind: 'as-of',
    store: connection.store.name,
    streams: [MARK_STREAM],
    strategy: horizon.strategy,
    awaitHorizon: async () => ({ kind: 'reached', horizon }),
    read: (_epoch, _horizon, context) => {
      const proven = new ProvenLines(connection.store.name, [MARK_STREAM])
      const collapsed = collapse
      const lines = proven.lines(connection.stream(markStatement(marks, collapsed, context.canary), parameters, context))
      return {
        lines,
        counted: () => {
          const repeated = !collapsed && mayHoldRepeats(proven.counted)
          if (repeated) collapse = true
          return { ...proven.counted, repeated }
        },
      }
    },
    awaitChange: (_horizon, counted, deadlineMs, context) =>
      poll(
        async () => (await countMarks(connection, marks, cycle, context)) !== counted.rows,
        changed => changed,
        deadlineMs,
        context,
      ),
    isCaughtUp: context => marksAreCaughtUp(connection, marks, context),
    findConflicts: async (_horizon, limit, context) => {
      const rows = await connection.rows(conflictingMarks(marks), { ...parameters, most: String(limit) }, context)
      return rows.map(row => String(row['address']))
    },
  }
}

/** Whether the server is known to show all the marks that were ever written to it. */
export function marksAreCaughtUp(connection: ClickHouseConnection, marks: MarkTable, context: LegContext): Promise<boolean> {
  return clickHouseHistoryLeg(connection, asHistoryOfCycles(marks), { strategy: 'settle', settleMs: 0 }).isCaughtUp(context)
}

/** Without `collapse` all rows are counted as facts, which is right exactly if there are as many as addresses. */
function markStatement(marks: MarkTable, collapse: boolean, canary: CanaryRow | undefined): string {
  const column = quotedColumns(marks)
  const all = MARK_COLUMNS.map(name => column[name]).join(', ')
  const table = quoteTable(marks.table)
  const counted = `${column.mark_cycle} > {after:UInt64} and ${column.mark_cycle} <= {number:UInt64}`
  const names = ['k0', 'k1', 'v0', 'v1', 'v2', 'v3', 'v4', 'v5']
  const blank = names.slice(0, -1).map(name => `'' as ${name}`)
  const proof = (line: number, counts: string, from: string) =>
    `select ${[...blank, `${counts} as v5`].join(', ')}, ${line} as part from ${from}`
  const literal = canary
    ? `union all select ${[canary.key, canary.key, canary.value, canary.value, canary.value, '', '', ''].map(text => `'${text}'`).join(', ')}, 0`
    : ''
  return `
select ${names.join(', ')} from (
  select
    toString(${column.account_id}) as k0, toString(${column.symbol}) as k1,
    toString(${column.mark_price}) as v0, toString(${column.realized_pnl}) as v1, toString(${column.unrealized_pnl}) as v2,
    if(${column.stream} = {stream:String} and ${column.sequence} = {sequence:UInt64}, '', concat(${column.stream}, ' ', toString(${column.sequence}))) as v3,
    toString(${column.asset}) as v4, toString(${column.marked_at}) as v5, 0 as part
  from ${table} where ${column.mark_cycle} = {number:UInt64}
  ${literal}
  union all
  ${proof(1, `concat(toString(count()), ' 0')`, collapse ? `(select distinct ${all} from ${table} where ${counted})` : `${table} where ${counted}`)}
  union all
  ${proof(2, `concat(toString(uniqExact(${column.mark_cycle}, ${column.account_id}, ${column.symbol})), ' ', toString(count()))`, `${table} where ${counted}`)}
)
order by part, ${names.join(', ')}`
}

function conflictingMarks(marks: MarkTable): string {
  const column = quotedColumns(marks)
  const address = [column.mark_cycle, column.account_id, column.symbol]
  return `
select ${address.map(name => `toString(${name})`).join(` || ' ' || `)} as address
from (select distinct ${MARK_COLUMNS.map(name => column[name]).join(', ')} from ${quoteTable(marks.table)}
  where ${column.mark_cycle} > {after:UInt64} and ${column.mark_cycle} <= {number:UInt64})
group by ${address.join(', ')} having count() > 1 order by address limit {most:UInt64}`
}
