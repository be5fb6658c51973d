import type { BuiltinCheckName, CustodyCheckName } from '../../checks/builtin.ts'
import { sidesOf } from '../../checks/custom/custom-relation.ts'
import { type MappedTable, REFERENCE_HISTORIES, type ReferenceHistoryName, type ReferenceTables } from '../../checks/reference-model.ts'
import { MARK_STREAM } from '../../stores/clickhouse/mark-cycles.ts'
import { needsCustodian } from '../check/custody.ts'
import type { CheckConfig, Config } from '../config/config.ts'
import { HISTORY_NEEDS, POSTGRES_NEEDS, WATERMARKS_NEED } from './column-needs.ts'
import type { ColumnNeed } from './judge-columns.ts'

/** What each check reads. Another check is another line here; a table that none has read before, one in column-needs.ts. */
const READS = {
  'transactions-balance': { postgres: ['balances'], histories: ['transactions'] },
  'position-realized-pnls-balance': { postgres: [], histories: ['positions', 'transactions'] },
  'positions-match': { postgres: ['positions'], histories: ['positions'] },
  'omnibus-balances-square': { postgres: ['balances', 'transfers'], histories: ['transactions'] },
  'pnl-is-zero-sum': { postgres: [], histories: ['pnl_marks', 'positions', 'transactions'] },
} as const satisfies Readonly<Record<BuiltinCheckName | CustodyCheckName, Reads>>

/** What `recon explain` reads beside them: it does without, and then has less to say. */
const EXPLAIN_READS: Reads = { postgres: ['trades', 'transfers'], histories: [] }

/** The state tables, and the history in which each of their changes has a row: the same streams change both. */
const STATE: Partial<Record<PostgresTableName, ReferenceHistoryName>> = { balances: 'transactions', positions: 'positions' }

/** The histories whose rows stand at a sequence of a stream, and the one whose rows stand at a mark cycle. */
type HistoryName = ReferenceHistoryName | 'pnl_marks'

type PostgresTableName = keyof ReferenceTables['postgres']

interface Reads {
  readonly postgres: readonly PostgresTableName[]
  readonly histories: readonly HistoryName[]
}

/** A table that enabled checks read; names of columns are those of the reference model. */
export interface TableNeed {
  readonly name: string
  readonly mapped: MappedTable
  readonly columns: Readonly<Record<string, ColumnNeed>>
  /** The checks that read it; none where only `recon explain` does. */
  readonly checks: readonly string[]
}

/** A table of PostgreSQL. */
export interface PostgresNeed extends TableNeed {
  /** For a table of current state: the streams that change it, each of which must stamp the rows that it changes. */
  readonly stampedBy: readonly string[]
}

/** A table of ClickHouse that only grows. */
export interface GrowingNeed extends TableNeed {
  /** What tells two of its rows apart: an engine that merges rows must keep these in its sorting key. */
  readonly address: readonly string[]
  /** How the reference model sorts it. */
  readonly orderBy: readonly string[]
  /** What an increment is told by, so that the sorting key should begin with it; undefined where nothing reads increments. */
  readonly progress: 'sequence' | 'mark_cycle' | undefined
}

/** A history, of which checks read what lies at or below an epoch, or in one cycle. */
export interface HistoryNeed extends GrowingNeed {
  readonly name: HistoryName
  /** The streams of its watermarks. */
  readonly streams: readonly string[]
  /** How long the most patient check waits for its watermarks, in milliseconds; undefined where none does. */
  readonly watermarkTimeoutMs: number | undefined
}

/** What the enabled checks need, each table once. */
export interface Needs {
  readonly postgres: readonly PostgresNeed[]
  readonly histories: readonly HistoryNeed[]
  /** Undefined where no check waits for watermarks. */
  readonly watermarks: GrowingNeed | undefined
}

/** Gathers what the enabled checks need. */
export function needsOf(config: Config): Needs {
  const enabled = Object.entries(READS).flatMap(([name, reads]: [string, Reads]) => {
    const check = config.checks[name]
    return check?.enabled && canBeAsked(name, config) ? [{ name, check, reads }] : []
  })
  const everything = [...enabled.map(({ reads }) => reads), EXPLAIN_READS]
  const waiting = [...enabled.filter(({ check }) => waits(check)).map(({ name }) => name), ...waitingRelations(config)]
  return {
    postgres: distinct(everything.flatMap(reads => reads.postgres)).map(name => ({
      name,
      mapped: config.tables.postgres[name],
      columns: POSTGRES_NEEDS[name],
      checks: enabled.filter(({ reads }) => reads.postgres.includes(name)).map(check => check.name),
      stampedBy: STATE[name] === undefined ? [] : streamsOf(STATE[name], config),
    })),
    histories: distinct(everything.flatMap(reads => reads.histories)).map(name => {
      const readers = enabled.filter(({ reads }) => reads.histories.includes(name))
      const timeouts = readers.filter(({ check }) => waits(check)).map(({ check }) => check.horizon.timeoutMs)
      return {
        name,
        mapped: config.tables.clickhouse[name],
        columns: HISTORY_NEEDS[name],
        checks: readers.map(check => check.name),
        ...growthOf(name, config),
        watermarkTimeoutMs: timeouts.length === 0 ? undefined : Math.max(...timeouts),
      }
    }),
    watermarks: waiting.length === 0 ? undefined : watermarksNeed(config, waiting),
  }
}

/** What a history is sorted by, and which streams its watermarks are of. */
function growthOf(name: HistoryName, config: Config): Pick<HistoryNeed, 'address' | 'orderBy' | 'progress' | 'streams'> {
  if (name === 'pnl_marks') {
    const orderBy = ['mark_cycle', 'symbol', 'account_id']
    return { address: orderBy, orderBy, progress: 'mark_cycle', streams: [MARK_STREAM] }
  }
  const address = ['sequence', ...REFERENCE_HISTORIES[name].address]
  return { address, orderBy: ['stream', ...address], progress: 'sequence', streams: streamsOf(name, config) }
}

function watermarksNeed({ tables }: Config, waiting: readonly string[]): GrowingNeed {
  const key = ['table_name', 'stream', 'sequence']
  return {
    name: 'sink_watermarks',
    mapped: tables.clickhouse.sink_watermarks,
    columns: WATERMARKS_NEED,
    checks: waiting,
    address: key,
    orderBy: key,
    progress: undefined,
  }
}

/** A check that asks the custodian is left out where there is none. */
function canBeAsked(check: string, { custodian }: Config): boolean {
  return custodian.url !== undefined || !needsCustodian(check)
}

/** The deployment's own relations that wait for watermarks. */
function waitingRelations({ relations, checks }: Config): readonly string[] {
  return Object.values(relations)
    .filter(({ name }) => checks[name]?.enabled)
    .filter(relation => sidesOf(relation).some(([, leg]) => leg.store === 'clickhouse' && leg.horizon.strategy === 'watermark'))
    .map(({ name }) => name)
}

function waits({ horizon }: CheckConfig): boolean {
  return horizon.strategy === 'watermark'
}

/** The streams of the deployment that write into a history. */
function streamsOf(name: ReferenceHistoryName, { streams }: Config): readonly string[] {
  const declared = Object.keys(streams)
  const of: 'all' | readonly string[] = REFERENCE_HISTORIES[name].streams
  return of === 'all' ? declared : declared.filter(stream => of.includes(stream))
}

function distinct<T>(values: readonly T[]): readonly T[] {
  return [...new Set(values)]
}
