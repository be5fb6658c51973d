import { carryOn } from '../../epoch/carry-on.ts'
import { type Epoch, formatEpoch, sequenceOf } from '../../epoch/epoch.ts'
import type { LegContext, Lines, VerifiedRun } from '../../epoch/leg.ts'
import { type Checkpoint, wholeSegments } from '../checkpoints/checkpoint.ts'
import type { CheckpointLease } from '../checkpoints/ledger.ts'
import { type Checkpoints, checkpointTable, identify } from './checkpoints.ts'
import type { ClickHouseConnection } from './connection.ts'
import { type ClickHouseHistory, carriesOf } from './history.ts'
import {
  historyParameters,
  historyStatement,
  keyNames,
  rowCountStatement,
  type TableFacts,
  valueNames,
  verifiedProof,
  verifiedRowsStatement,
} from './history-statement.ts'
import { quoteTable, showTable } from './identifiers.ts'
import { ProvenLines } from './proof.ts'
import { hashFacts, segmentsInUse } from './segments.ts'

/** How many segments are hashed by one statement. */
const SEGMENTS_AT_ONCE = 128

/**
 * Makes a new checkpoint after a balanced run, up to the last whole segment below its epoch. The segments are sealed before the values are computed: a fact that
 * changes in between is then in the values but not in the seal, or in neither, and shows either way, as a difference or in the audit.
 */
export async function advanceCheckpoint(
  checkpoints: Checkpoints,
  connection: ClickHouseConnection,
  history: ClickHouseHistory,
  table: TableFacts,
  run: VerifiedRun,
  context: LegContext,
): Promise<string> {
  const { ledger, policy } = checkpoints
  const identity = identify(history, table)
  const from = wholeSegments(run.epoch, history.streams, policy)
  const before = await checkpoints.find(identity.leg, run.epoch, context)
  const behind = history.streams.filter(stream => sequenceOf(from, stream) > sequenceOf(before?.from ?? {}, stream))
  if (behind.length === 0 || history.streams.some(stream => sequenceOf(from, stream) < sequenceOf(before?.from ?? {}, stream)))
    return 'no whole segment is new'
  const parameters = historyParameters(history, run.epoch, run.epoch, before?.from)
  const [counted] = await connection.rows(rowCountStatement(history, before?.from), parameters, context)
  if (!run.always && BigInt(String(counted?.['n'])) < policy.rowsMin) return 'too little is new'
  const made = await ledger.lease(identity.history, context.signal, async lease => {
    await seal(checkpoints, connection, history, table, from, run.era, lease, context)
    return keep({ checkpoints, connection, history, table, context }, { from, before, run }, lease)
  })
  return made ?? 'another instance is making checkpoints of this history'
}

/** Hashes the whole segments of every stream that are not sealed yet. */
async function seal(
  { policy: { segmentSequences: size } }: Checkpoints,
  connection: ClickHouseConnection,
  history: ClickHouseHistory,
  table: TableFacts,
  from: Epoch,
  era: bigint,
  lease: CheckpointLease,
  context: LegContext,
): Promise<void> {
  const { history: id } = identify(history, table)
  const streams = await lease.sealed(id, showTable(history.table), era, size, history.streams)
  for (const { stream, next } of streams) {
    const last = sequenceOf(from, stream) / size - 1n
    if (last < next) continue
    const range = { stream, first: next, last, size }
    const numbers = await segmentsInUse(connection, history, range, context)
    for (let at = 0; at < numbers.length; at += SEGMENTS_AT_ONCE) {
      const some = numbers.slice(at, at + SEGMENTS_AT_ONCE)
      const [first = next, end = last] = [some[0], some.at(-1)]
      await lease.seal(id, stream, await hashFacts(connection, history, table, { ...range, first, last: end }, context), end + 1n)
    }
    await lease.seal(id, stream, [], last + 1n)
  }
}

interface Making {
  readonly checkpoints: Checkpoints
  readonly connection: ClickHouseConnection
  readonly history: ClickHouseHistory
  readonly table: TableFacts
  readonly context: LegContext
}

interface Plan {
  readonly from: Epoch
  readonly before: Checkpoint | undefined
  readonly run: VerifiedRun
}

/** Computes the values below `from`, where they are to stand, and writes them down. */
async function keep(making: Making, { from, before, run }: Plan, lease: CheckpointLease): Promise<string> {
  const { checkpoints, history, table } = making
  const { policy, workshop } = checkpoints
  const identity = identify(history, table)
  const factsOf = async (stream: string) => lease.factsBefore(identity.history, stream, sequenceOf(from, stream) / policy.segmentSequences)
  const facts = Object.fromEntries(await Promise.all(history.streams.map(async stream => [stream, await factsOf(stream)] as const)))
  const layout = workshop ? 'clickhouse' : 'postgres'
  // What stands elsewhere cannot be gone on from.
  const base = before?.layout === layout ? before : undefined
  const range = { ...rangeOf(history, from, base), collapse: false }
  const [row] = await making.connection.rows(
    rowCountStatement(history, range.from),
    historyParameters(history, range.at, range.at, range.from),
    making.context,
  )
  range.collapse = BigInt(String(row?.['n'])) !== total(facts) - total(base?.facts ?? {})
  const id = await lease.newId()
  const values = workshop ? await computeInClickHouse(making, workshop, id, range, base) : { lines: linesBelow(making, range, base) }
  const saved = await lease.save(
    { id, leg: identity.leg, history: identity.history, check: run.check, runId: run.runId, era: run.era, from, facts, layout },
    values,
  )
  const ids = await lease.retire(identity.leg, policy.keep)
  if (workshop) await dropOthers(making, workshop, ids)
  return saved ? `checkpoint ${id} below ${formatEpoch(from)}` : 'an epoch was accepted since the run began'
}

/** What a checkpoint must still read: from the one before it, up to the last fact below it. */
interface Range {
  readonly from: Epoch
  readonly at: Epoch
  readonly collapse: boolean
}

/** A stream that the checkpoint does not reach into is given an empty range, since no sequence lies below its first. */
function rangeOf(history: ClickHouseHistory, from: Epoch, base: Checkpoint | undefined): Omit<Range, 'collapse'> {
  const of = (choose: (stream: string) => bigint): Epoch => Object.fromEntries(history.streams.map(stream => [stream, choose(stream)]))
  return {
    from: of(stream => (sequenceOf(from, stream) === 0n ? 1n : sequenceOf(base?.from ?? {}, stream))),
    at: of(stream => (sequenceOf(from, stream) === 0n ? 0n : sequenceOf(from, stream) - 1n)),
  }
}

async function computeInClickHouse(
  { checkpoints, connection, history, table, context }: Making,
  workshop: ClickHouseConnection,
  id: bigint,
  { from, at, collapse }: Range,
  base: Checkpoint | undefined,
): Promise<{ readonly keys: bigint; readonly digest: string }> {
  const target = checkpointTable(checkpoints, history, table)
  const decimals = history.shape.values.map(value => table.scales[history.values[value]?.column ?? ''] ?? 0)
  const columns = [
    'checkpoint UInt64',
    ...keyNames(history).map(name => `${name} String`),
    ...valueNames(history).map((name, at) => `${name} Decimal(76, ${decimals[at] ?? 0})`),
  ]
  await workshop.execute(
    `create table if not exists ${quoteTable(target)} (${columns.join(', ')})
    engine = MergeTree partition by checkpoint order by (checkpoint, ${keyNames(history).join(', ')})`,
    {},
    context,
  )
  const names = [...keyNames(history), ...valueNames(history)].join(', ')
  // The workshop's own database is another than the one that the history's name is meant in.
  const there = { ...history, table: { ...history.table, database: history.table.database ?? connection.database } }
  const statement = verifiedRowsStatement(there, table, { collapse, from, verified: base ? target : undefined })
  await workshop.execute(
    `insert into ${quoteTable(target)} (checkpoint, ${names}) select {id:UInt64}, ${names} from (${statement})`,
    { ...historyParameters(history, at, at, from), id: id.toString(), checkpoint: (base?.id ?? 0n).toString() },
    context,
  )
  const [row] = await workshop.rows(
    `select ${verifiedProof(history)} as proof from ${quoteTable(target)} as c where checkpoint = {checkpoint:UInt64}`,
    { checkpoint: id.toString() },
    context,
  )
  const [keys = '', digest = ''] = String(row?.['proof']).split(' ')
  return { keys: BigInt(keys), digest }
}

/** The values as canonical lines, for recon's own database. */
function linesBelow(
  { checkpoints, connection, history, table, context }: Making,
  { from, at, collapse }: Range,
  base: Checkpoint | undefined,
): Lines {
  const proven = new ProvenLines(connection.store.name, history.streams)
  const statement = historyStatement(history, table, { collapse, from })
  const since = proven.lines(connection.stream(statement, historyParameters(history, at, at, from), context))
  return base ? carryOn(checkpoints.ledger.lines(base.id, context.signal), since, history.shape, carriesOf(history)) : since
}

/** Partitions of checkpoints that are no longer kept, or of which a maker that died never told. */
async function dropOthers(
  { checkpoints, history, table, context }: Making,
  workshop: ClickHouseConnection,
  kept: readonly bigint[],
): Promise<void> {
  const target = checkpointTable(checkpoints, history, table)
  const partitions = await workshop.rows(
    'select distinct partition from system.parts where active and database = {database:String} and table = {table:String}',
    { database: target.database ?? workshop.database, table: target.name },
    context,
  )
  for (const partition of partitions.map(row => String(row['partition']))) {
    if (kept.some(id => id.toString() === partition)) continue
    await workshop.execute(`alter table ${quoteTable(target)} drop partition ${BigInt(partition)}`, {}, context)
  }
}

function total(counts: Readonly<Record<string, bigint>>): bigint {
  return Object.values(counts).reduce((sum, count) => sum + count, 0n)
}
