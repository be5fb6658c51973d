import { createHash } from 'node:crypto'
import type { Epoch } from '../../epoch/epoch.ts'
import type { LegContext } from '../../epoch/leg.ts'
import { StoreError } from '../../epoch/store-error.ts'
import type { Checkpoint, CheckpointPolicy } from '../checkpoints/checkpoint.ts'
import type { CheckpointLedger } from '../checkpoints/ledger.ts'
import type { ClickHouseConnection } from './connection.ts'
import type { ClickHouseHistory } from './history.ts'
import { factColumns, type TableFacts } from './history-statement.ts'
import type { TableName } from './identifiers.ts'

/** A ClickHouse database of recon's own, and which of recon's own databases knows what stands in it. */
export interface Workshop {
  readonly connection: ClickHouseConnection
  readonly ledger: string
}

/** What the legs of ClickHouse need for not reading everything with every run. */
export interface Checkpoints {
  readonly ledger: CheckpointLedger
  readonly policy: CheckpointPolicy
  /** Where on the same server the values can be computed and kept; undefined: they are kept in recon's PostgreSQL. */
  readonly workshop: Workshop | undefined
  /** The newest checkpoint of a leg that the epoch covers. A ledger that cannot answer is no reason not to check: then everything is read. */
  find(leg: string, epoch: Epoch, context: LegContext): Promise<Checkpoint | undefined>
  /** Throws away a checkpoint that is not what was written; where the ledger cannot, it is told, and the next run finds it again. */
  discard(checkpoint: Checkpoint, context: LegContext): Promise<void>
}

/** A ledger that takes longer to answer, in milliseconds, is done without. */
const FIND_TIMEOUT_MS = 3_000

/** Checkpoints by a ledger, and where they are to be kept. `couldNot` hears of a ledger that cannot answer. */
export function checkpointsBy(
  ledger: CheckpointLedger,
  policy: CheckpointPolicy,
  workshop: Workshop | undefined,
  couldNot: (error: Error) => void,
): Checkpoints {
  return {
    ledger,
    policy,
    workshop,
    find: async (leg, epoch, { signal }) => {
      try {
        const found = await ledger.find(leg, epoch, AbortSignal.any([signal, AbortSignal.timeout(FIND_TIMEOUT_MS)]))
        return found?.layout === 'clickhouse' && !workshop ? undefined : found
      } catch (error) {
        if (signal.aborted) throw signal.reason
        const late = error instanceof DOMException && error.name === 'TimeoutError'
        if (!late && !(error instanceof StoreError)) throw error
        couldNot(error)
        return undefined
      }
    },
    discard: async ({ id }, { signal }) => {
      try {
        await ledger.discard(id, signal)
      } catch (error) {
        if (!(error instanceof StoreError)) throw error
        couldNot(error)
      }
    },
  }
}

/** How a ledger calls a leg and the history under it. Other columns, other values, or another table under the same name make others. */
export interface LegIdentity {
  readonly leg: string
  readonly history: string
}

/** A change of what is hashed, or how, must change this, so that what was kept before is not taken for it. */
const VERSION = 1

/** Digests of what a leg computes, and over which facts. */
export function identify(history: ClickHouseHistory, table: TableFacts): LegIdentity {
  const { streams, streamColumn, sequenceColumn, shape, keys, values, only } = history
  const facts = {
    version: VERSION,
    table: table.uuid,
    name: [table.database, history.table.name],
    types: table.types,
    streamColumn,
    sequenceColumn,
    columns: factColumns(history),
    address: history.address,
  }
  return {
    history: digestOf(facts),
    leg: digestOf({ facts, streams, shape, keys: entriesOf(keys), values: entriesOf(values), only: only ?? null }),
  }
}

/** The table in which the checkpoints of a leg stand: one for each ledger and definition, with a partition for each checkpoint. */
export function checkpointTable({ connection, ledger }: Workshop, leg: string): TableName {
  return { database: connection.database, name: `checkpoints_${ledger.replaceAll('-', '')}_${leg.slice(0, 24)}` }
}

function digestOf(value: unknown): string {
  return createHash('sha256').update(JSON.stringify(value)).digest('hex')
}

function entriesOf(record: Readonly<Record<string, unknown>>): readonly (readonly [string, unknown])[] {
  return Object.entries(record).sort(([a], [b]) => (a < b ? -1 : 1))
}
