import { carryOn } from '../../epoch/carry-on.ts'
import { type Epoch, isAtOrBelow, project } from '../../epoch/epoch.ts'
import { type CountedRows, type Horizon, type HorizonReply, judgeCompleteness } from '../../epoch/horizon.ts'
import type { AsOfLeg, LegContext } from '../../epoch/leg.ts'
import { ReconError } from '../../epoch/recon-error.ts'
import { StoreError } from '../../epoch/store-error.ts'
import type { Checkpoint } from '../checkpoints/checkpoint.ts'
import { LineDigest } from '../checkpoints/line-digest.ts'
import { poll } from '../poll.ts'
import { type Checkpoints, checkpointTable, identify } from './checkpoints.ts'
import type { ClickHouseConnection } from './connection.ts'
import { type ClickHouseHistory, carriesOf } from './history.ts'
import { conflictsStatement, historyParameters, historyStatement, rowCountStatement, type TableFacts } from './history-statement.ts'
import { showTable } from './identifiers.ts'
import { advanceCheckpoint } from './make-checkpoint.ts'
import { mayHoldRepeats, ProvenLines } from './proof.ts'
import { readLiveTable, requireHistory } from './table-facts.ts'
import { lookForHorizon, type WatermarkTable } from './watermarks.ts'

/** How it is known that a table shows everything up to an epoch (design section 3). */
export type HorizonStrategy =
  | { readonly strategy: 'watermark'; readonly watermarks: WatermarkTable; readonly watermarkName: string }
  | { readonly strategy: 'settle'; readonly settleMs: number }

/** How one run reads the table: what the live schema says, whether repeated deliveries must be collapsed, and from where it must be read. */
interface ReadingPlan {
  readonly table: TableFacts
  readonly collapse: boolean
  readonly checkpoint?: Checkpoint | undefined
}

/**
 * Makes the as-of leg of a relation out of a ClickHouse history table: wait and read of the primitive (design section 3). With `checkpoints` it reads only what
 * came after the newest of them that the epoch covers; a settled horizon proves nothing complete, so that it neither makes nor uses any.
 */
export function clickHouseHistoryLeg(
  connection: ClickHouseConnection,
  history: ClickHouseHistory,
  strategy: HorizonStrategy,
  checkpoints?: Checkpoints,
): AsOfLeg {
  const kept = strategy.strategy === 'watermark' ? checkpoints : undefined
  // What a run knows of the table goes with its horizon, so that no run reads by what held for another.
  const planOf = new WeakMap<Horizon, ReadingPlan>()
  const planFor = async (horizon: Horizon, context: LegContext): Promise<ReadingPlan> => {
    const plan = planOf.get(horizon) ?? { table: await requireHistory(connection, history, context), collapse: true }
    planOf.set(horizon, plan)
    return plan
  }

  /** How many rows there are up to the horizon, those that were verified before as one delivery each. */
  const countRows = async (horizon: Horizon, { checkpoint }: Pick<ReadingPlan, 'checkpoint'>, context: LegContext) => {
    const parameters = historyParameters(history, horizon.at, horizon.at, checkpoint?.from)
    const [row] = await connection.rows(rowCountStatement(history, checkpoint?.from), parameters, context)
    return BigInt(String(row?.['n'])) + total(checkpoint?.facts ?? {})
  }

  /** Whether there are other rows than the watermarks vouch for, as there are where deliveries were repeated: a hint, which the reading proves or refutes. */
  const expectsRepeats = async (horizon: Horizon, plan: Pick<ReadingPlan, 'checkpoint'>, context: LegContext) =>
    horizon.strategy !== 'watermark' || (await countRows(horizon, plan, context)) !== total(horizon.rowsTotal)

  const waitForHorizon = async (epoch: Epoch, deadlineMs: number, context: LegContext): Promise<HorizonReply> => {
    if (strategy.strategy === 'settle') {
      await context.clock.sleep(strategy.settleMs, context.signal)
      return { kind: 'reached', horizon: { strategy: 'settle', table: showTable(history.table), at: project(epoch, history.streams) } }
    }
    const look = () => lookForHorizon(connection, strategy.watermarks, strategy.watermarkName, epoch, history.streams, context)
    return poll(look, reply => reply.kind !== 'behind', deadlineMs, context)
  }

  /** The last horizon up to which a reading of this leg found everything. */
  let provenAt: Epoch | undefined

  /** The verified rows that stand in recon's own database, carried on by what the statement gives. */
  const carried = (checkpoint: Checkpoint | undefined, digest: LineDigest, lines: AsyncIterable<Uint8Array>, { signal }: LegContext) =>
    checkpoint?.layout === 'postgres' && kept
      ? carryOn(digest.of(kept.ledger.lines(checkpoint.id, signal)), lines, history.shape, carriesOf(history))
      : lines

  return {
    kind: 'as-of',
    store: connection.store.name,
    streams: history.streams,
    strategy: strategy.strategy,
    awaitHorizon: async (epoch, deadlineMs, context) => {
      const table = await requireHistory(connection, history, context)
      const checkpoint = await kept?.find(identify(history, table).leg, epoch, context)
      const reply = await waitForHorizon(epoch, deadlineMs, context)
      if (reply.kind !== 'reached') return reply
      planOf.set(reply.horizon, { table, checkpoint, collapse: await expectsRepeats(reply.horizon, { checkpoint }, context) })
      return reply
    },
    read: (epoch, horizon, context) => {
      let proven: ProvenLines | undefined
      let checkpoint: Checkpoint | undefined
      let repeated = false
      return {
        lines: readLines(epoch, horizon, context),
        counted: () => {
          if (!proven) throw new Error('the counts of a reading were asked for before it had begun')
          return withVerified({ ...proven.counted, repeated }, checkpoint)
        },
      }
      async function* readLines(...[at, upTo, within]: Parameters<AsOfLeg['read']>) {
        const plan = await planFor(upTo, within)
        checkpoint = plan.checkpoint
        const inClickHouse =
          checkpoint?.layout === 'clickhouse' && kept?.workshop
            ? checkpointTable(kept.workshop, identify(history, plan.table).leg)
            : undefined
        proven = new ProvenLines(connection.store.name, history.streams, inClickHouse !== undefined)
        const statement = historyStatement(history, plan.table, {
          collapse: plan.collapse,
          canary: within.canary,
          ...(checkpoint ? { from: checkpoint.from } : {}),
          verified: inClickHouse,
        })
        const parameters = historyParameters(history, at, upTo.at, checkpoint?.from)
        const lines = proven.lines(
          connection.stream(statement, { ...parameters, ...(checkpoint ? { checkpoint: checkpoint.id.toString() } : {}) }, within),
        )
        const digest = new LineDigest()
        try {
          yield* carried(checkpoint, digest, lines, within)
        } catch (error) {
          if (checkpoint?.layout !== 'postgres' || within.signal.aborted || !(error instanceof ReconError)) throw error
          // The ledger failed, or the checkpoint was retired, half way through: the history itself is still there.
          planOf.set(upTo, { table: plan.table, collapse: true })
          throw new StoreError('state', 'store-unreachable', `a checkpoint could not be read: ${error.message}`, { retryable: true })
        }
        const verified = inClickHouse ? proven.verified : { keys: digest.keys, digest: digest.text }
        const sound = !checkpoint || (verified?.keys === checkpoint.keys && verified.digest === checkpoint.digest)
        repeated = !sound || (!plan.collapse && mayHoldRepeats(proven.counted))
        if (!sound && checkpoint) await kept?.discard(checkpoint, within)
        if (judgeCompleteness(upTo, withVerified({ ...proven.counted, repeated }, checkpoint)).kind === 'complete') provenAt = upTo.at
        if (repeated) planOf.set(upTo, sound ? { ...plan, collapse: true } : { table: plan.table, collapse: true })
      }
    },
    awaitChange: async (horizon: Horizon, counted: CountedRows, deadlineMs, context) => {
      const plan = await planFor(horizon, context)
      return poll(
        async () => (await countRows(horizon, plan, context)) !== counted.rows,
        changed => changed,
        deadlineMs,
        context,
      )
    },
    isCaughtUp: async context => {
      const live = await readLiveTable(connection, history.table, context)
      // A plain MergeTree has no queue: what was written to it can be read. Of a replica or a Distributed table that is not known here.
      return live !== undefined && /^[A-Za-z]*MergeTree$/.test(live.engine) && !/^(Replicated|Shared)/.test(live.engine)
    },
    findConflicts: async (horizon, limit, context) => {
      const { table, checkpoint } = await planFor(horizon, context)
      const statement = conflictsStatement(history, table, checkpoint?.from)
      const parameters = historyParameters(history, horizon.at, horizon.at, checkpoint?.from)
      const rows = await connection.rows(statement, { ...parameters, most: String(limit) }, context)
      return rows.map(row => String(row['address']))
    },
    ...(kept
      ? {
          advance: async (verified, context) => {
            if (!provenAt || !isAtOrBelow(project(verified.epoch, history.streams), provenAt)) return 'not proved complete up to the epoch'
            return advanceCheckpoint(kept, connection, history, await requireHistory(connection, history, context), verified, context)
          },
          forget: async context =>
            kept.ledger.forget(identify(history, await requireHistory(connection, history, context)).history, context.signal),
        }
      : {}),
  }
}

/** The counts of a reading together with those of what it took over from a checkpoint. */
function withVerified(counted: CountedRows, checkpoint: Checkpoint | undefined): CountedRows {
  if (!checkpoint) return counted
  const { facts, from, madeAt, auditedAt } = checkpoint
  const plus = (counts: Readonly<Record<string, bigint>>) =>
    Object.fromEntries(Object.entries(counts).map(([stream, count]) => [stream, count + (facts[stream] ?? 0n)]))
  return {
    ...counted,
    facts: plus(counted.facts),
    addresses: plus(counted.addresses),
    rows: counted.rows + total(facts),
    verified: { from, madeAt, auditedAt },
  }
}

function total(counts: Readonly<Record<string, bigint>>): bigint {
  return Object.values(counts).reduce((sum, count) => sum + count, 0n)
}
