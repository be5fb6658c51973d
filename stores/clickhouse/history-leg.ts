import { type Epoch, project } from '../../epoch/epoch.ts'
import type { CountedRows, Horizon, HorizonReply } from '../../epoch/horizon.ts'
import type { AsOfLeg, LegContext } from '../../epoch/leg.ts'
import type { ClickHouseConnection } from './connection.ts'
import type { ClickHouseHistory } from './history.ts'
import { conflictsStatement, historyParameters, historyStatement, rowCountStatement, type TableFacts } from './history-statement.ts'
import { showTable } from './identifiers.ts'
import { poll } from './poll.ts'
import { mayHoldRepeats, ProvenLines } from './proof.ts'
import { readLiveTable, requireHistory } from './table-facts.ts'
import { lookForHorizon, type WatermarkTable } from './watermarks.ts'

/** How it is known that a table shows everything up to an epoch (design section 3). */
export type HorizonStrategy =
  | { readonly strategy: 'watermark'; readonly watermarks: WatermarkTable; readonly watermarkName: string }
  | { readonly strategy: 'settle'; readonly settleMs: number }

/** How one run reads the table: what the live schema says, and whether repeated deliveries must be collapsed. */
interface ReadingPlan {
  readonly table: TableFacts
  readonly collapse: boolean
}

/** Makes the as-of leg of a relation out of a ClickHouse history table: wait and read of the primitive (design section 3). */
export function clickHouseHistoryLeg(connection: ClickHouseConnection, history: ClickHouseHistory, strategy: HorizonStrategy): AsOfLeg {
  // What a run knows of the table goes with its horizon, so that no run reads by what held for another.
  const planOf = new WeakMap<Horizon, ReadingPlan>()
  const planFor = async (horizon: Horizon, context: LegContext): Promise<ReadingPlan> => {
    const plan = planOf.get(horizon) ?? { table: await requireHistory(connection, history, context), collapse: true }
    planOf.set(horizon, plan)
    return plan
  }

  const countRows = async (horizon: Horizon, context: LegContext) => {
    const [row] = await connection.rows(rowCountStatement(history), historyParameters(history, horizon.at, horizon.at), context)
    return BigInt(String(row?.['n']))
  }

  /** Whether there are other rows than the watermarks vouch for, as there are where deliveries were repeated: a hint, which the reading proves or refutes. */
  const expectsRepeats = async (horizon: Horizon, context: LegContext) => {
    if (horizon.strategy !== 'watermark') return true
    const vouched = Object.values(horizon.rowsTotal).reduce((sum, total) => sum + total, 0n)
    return (await countRows(horizon, context)) !== vouched
  }

  const waitForHorizon = async (epoch: Epoch, deadlineMs: number, context: LegContext): Promise<HorizonReply> => {
    if (strategy.strategy === 'settle') {
      await context.clock.sleep(strategy.settleMs, context.signal)
      return { kind: 'reached', horizon: { strategy: 'settle', table: showTable(history.table), at: project(epoch, history.streams) } }
    }
    const look = () => lookForHorizon(connection, strategy.watermarks, strategy.watermarkName, epoch, history.streams, context)
    return poll(look, reply => reply.kind !== 'behind', deadlineMs, context)
  }

  return {
    kind: 'as-of',
    store: connection.store.name,
    streams: history.streams,
    strategy: strategy.strategy,
    awaitHorizon: async (epoch, deadlineMs, context) => {
      const table = await requireHistory(connection, history, context)
      const reply = await waitForHorizon(epoch, deadlineMs, context)
      if (reply.kind === 'reached') planOf.set(reply.horizon, { table, collapse: await expectsRepeats(reply.horizon, context) })
      return reply
    },
    read: (epoch, horizon, context) => {
      const proven = new ProvenLines(connection.store.name, history.streams)
      let repeated = false
      return { lines: readLines(epoch, horizon, context), counted: () => ({ ...proven.counted, repeated }) }
      async function* readLines(...[at, upTo, within]: Parameters<AsOfLeg['read']>) {
        const { table, collapse } = await planFor(upTo, within)
        const statement = historyStatement(history, table, collapse, within.canary)
        yield* proven.lines(connection.stream(statement, historyParameters(history, at, upTo.at), within))
        repeated = !collapse && mayHoldRepeats(proven.counted)
        if (repeated) planOf.set(upTo, { table, collapse: true })
      }
    },
    awaitChange: (horizon: Horizon, counted: CountedRows, deadlineMs, context) =>
      poll(
        async () => (await countRows(horizon, context)) !== counted.rows,
        changed => changed,
        deadlineMs,
        context,
      ),
    isCaughtUp: async context => {
      const live = await readLiveTable(connection, history.table, context)
      // A plain MergeTree has no queue: what was written to it can be read. Of a replica or a Distributed table that is not known here.
      return live !== undefined && /^[A-Za-z]*MergeTree$/.test(live.engine) && !/^(Replicated|Shared)/.test(live.engine)
    },
    findConflicts: async (horizon, limit, context) => {
      const statement = conflictsStatement(history, (await planFor(horizon, context)).table)
      const rows = await connection.rows(statement, { ...historyParameters(history, horizon.at, horizon.at), most: String(limit) }, context)
      return rows.map(row => String(row['address']))
    },
  }
}
