import { carryOn } from '../../epoch/carry-on.ts'
import { type Epoch, formatEpoch, sequenceOf } from '../../epoch/epoch.ts'
import type { LegContext, VerifiedRun } from '../../epoch/leg.ts'
import { ReconError } from '../../epoch/recon-error.ts'
import { type Checkpoint, wholeSegments } from '../checkpoints/checkpoint.ts'
import type { CheckpointLease } from '../checkpoints/ledger.ts'
import { LineDigest } from '../checkpoints/line-digest.ts'
import { type Checkpoints, checkpointTable, identify, type Workshop } from './checkpoints.ts'
import type { ClickHouseConnection, QueryParameters } from './connection.ts'
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
    const sealed = await seal(checkpoints, connection, history, table, from, run.era, lease, context)
    if (!sealed) return 'an epoch was accepted since the run began'
    // What is gone on from is asked for again under the lease: it may have been voided since, and from here on that is noticed.
    const base = await checkpoints.find(identity.leg, run.epoch, context)
    return keep({ checkpoints, connection, history, table, context }, { from, before: base, run }, lease)
  })
  return made ?? 'another instance is making checkpoints of this history'
}

/** Hashes the whole segments of every stream that are not sealed yet; false, and nothing done, where an epoch was accepted since. */
async function seal(
  { policy: { segmentSequences: size } }: Checkpoints,
  connection: ClickHouseConnection,
  history: ClickHouseHistory,
  table: TableFacts,
  from: Epoch,
  era: bigint,
  lease: CheckpointLease,
  context: LegContext,
): Promise<boolean> {
  const { history: id } = identify(history, table)
  const streams = await lease.sealed(id, showTable(history.table), era, size, history.streams)
  if (!streams) return false
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
  return true
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
  const { checkpoints, history, table, context } = making
  const { policy, workshop } = checkpoints
  const { leg, history: sealed } = identify(history, table)
  const factsOf = async (stream: string) => lease.factsBefore(sealed, stream, sequenceOf(from, stream) / policy.segmentSequences)
  const facts = Object.fromEntries(await Promise.all(history.streams.map(async stream => [stream, await factsOf(stream)] as const)))
  const layout = workshop ? 'clickhouse' : 'postgres'
  // What stands elsewhere cannot be gone on from.
  const base = before?.layout === layout ? before : undefined
  const range = rangeOf(history, from, base)
  const id = await lease.newId()
  const values = workshop ? await computeInClickHouse(making, workshop, id, range, base) : { lines: linesBelow(making, range, base, facts) }
  const saved = await lease.save(
    { id, leg, history: sealed, check: run.check, runId: run.runId, era: run.era, from, facts, layout },
    values,
  )
  const ids = await lease.retire(leg, policy.keep)
  if (workshop) await dropOlder(workshop, leg, id, ids, context)
  return saved ? `checkpoint ${id} below ${formatEpoch(from)}` : 'an epoch was accepted since the run began'
}

/** What a checkpoint must still read: from the one before it, up to the last fact below it. */
interface Range {
  readonly from: Epoch
  readonly at: Epoch
}

/** A stream that the checkpoint does not reach into is given an empty range, since no sequence lies below its first. */
function rangeOf(history: ClickHouseHistory, from: Epoch, base: Checkpoint | undefined): Range {
  const of = (choose: (stream: string) => bigint): Epoch => Object.fromEntries(history.streams.map(stream => [stream, choose(stream)]))
  return {
    from: of(stream => (sequenceOf(from, stream) === 0n ? 1n : sequenceOf(base?.from ?? {}, stream))),
    at: of(stream => (sequenceOf(from, stream) === 0n ? 0n : sequenceOf(from, stream) - 1n)),
  }
}

/**
 * Repeated deliveries are collapsed in any case: one that came between a count and the reading would be in the values for good. What is gone on from is held to
 * what was written of it, before and after, since the values cannot be told apart once they are in one table.
 */
async function computeInClickHouse(
  { connection, history, table, context }: Making,
  workshop: Workshop,
  id: bigint,
  { from, at }: Range,
  base: Checkpoint | undefined,
): Promise<{ readonly keys: bigint; readonly digest: string }> {
  const target = checkpointTable(workshop, identify(history, table).leg)
  const execute = (sql: string, parameters: QueryParameters = {}) => workshop.connection.execute(sql, parameters, context)
  const decimals = history.shape.values.map(value => table.scales[history.values[value]?.column ?? ''] ?? 0)
  const columns = [
    'checkpoint UInt64',
    ...keyNames(history).map(name => `${name} String`),
    ...valueNames(history).map((name, at) => `${name} Decimal(76, ${decimals[at] ?? 0})`),
  ]
  await execute(
    `create table if not exists ${quoteTable(target)} (${columns.join(', ')})
    engine = MergeTree partition by checkpoint order by (checkpoint, ${keyNames(history).join(', ')})`,
  )
  const proof = async (checkpoint: bigint) => {
    const sql = `select ${verifiedProof(history)} as proof from ${quoteTable(target)} as c where checkpoint = {checkpoint:UInt64}`
    const [row] = await workshop.connection.rows(sql, { checkpoint: checkpoint.toString() }, context)
    const [keys = '', digest = ''] = String(row?.['proof']).split(' ')
    return { keys: BigInt(keys), digest }
  }
  const holdBase = async () => {
    if (base && !isWhole(base, await proof(base.id))) throw damaged(base)
  }
  await holdBase()
  // A ledger that was restored from a copy gives ids a second time.
  await execute(`alter table ${quoteTable(target)} drop partition ${id}`)
  const names = [...keyNames(history), ...valueNames(history)].join(', ')
  // The workshop's own database is another than the one that the history's name is meant in.
  const there = { ...history, table: { ...history.table, database: history.table.database ?? connection.database } }
  const statement = verifiedRowsStatement(there, table, { collapse: true, from, verified: base ? target : undefined })
  await execute(`insert into ${quoteTable(target)} (checkpoint, ${names}) select {id:UInt64}, ${names} from (${statement})`, {
    ...historyParameters(history, at, at, from),
    id: id.toString(),
    checkpoint: (base?.id ?? 0n).toString(),
  })
  await holdBase()
  return proof(id)
}

/** The values as canonical lines, for recon's own database. Throws at their end where they are not of the facts that were sealed. */
async function* linesBelow(
  { checkpoints, connection, history, table, context }: Making,
  { from, at }: Range,
  base: Checkpoint | undefined,
  facts: Readonly<Record<string, bigint>>,
): AsyncGenerator<Uint8Array> {
  const proven = new ProvenLines(connection.store.name, history.streams)
  const statement = historyStatement(history, table, { collapse: true, from })
  const since = proven.lines(connection.stream(statement, historyParameters(history, at, at, from), context))
  const digest = new LineDigest()
  yield* base ? carryOn(digest.of(checkpoints.ledger.lines(base.id, context.signal)), since, history.shape, carriesOf(history)) : since
  if (base && !isWhole(base, { keys: digest.keys, digest: digest.text })) throw damaged(base)
  const moved = history.streams.filter(stream => (proven.counted.facts[stream] ?? 0n) + (base?.facts[stream] ?? 0n) !== facts[stream])
  if (moved.length > 0)
    throw new ReconError('history-moved', `the history moved below the checkpoint while it was made (${moved.join(', ')})`)
}

function isWhole(base: Checkpoint, found: { readonly keys: bigint; readonly digest: string }): boolean {
  return found.keys === base.keys && found.digest === base.digest
}

function damaged({ id }: Checkpoint): ReconError {
  return new ReconError('checkpoint-damaged', `checkpoint ${id} is not what was written; no other is made on it`)
}

/** Drops the partitions of older checkpoints that are no longer kept, or of which a maker that died never told. */
async function dropOlder(workshop: Workshop, leg: string, newest: bigint, kept: readonly bigint[], context: LegContext): Promise<void> {
  const { connection } = workshop
  const target = checkpointTable(workshop, leg)
  const partitions = await connection.rows(
    'select distinct partition from system.parts where active and database = {database:String} and table = {table:String}',
    { database: connection.database, table: target.name },
    context,
  )
  for (const partition of partitions.map(row => BigInt(String(row['partition'])))) {
    // A later one belongs to a maker that has the lease by now.
    if (partition < newest && !kept.includes(partition)) {
      await connection.execute(`alter table ${quoteTable(target)} drop partition ${partition}`, {}, context)
    }
  }
}
