import type { LegContext } from '../../epoch/leg.ts'
import type { NamedFields } from '../../epoch/mismatch.ts'
import type { CheckpointLedger, SealedSegment } from '../../stores/checkpoints/ledger.ts'
import type { ClickHouseConnection } from '../../stores/clickhouse/connection.ts'
import type { ClickHouseHistory } from '../../stores/clickhouse/history.ts'
import type { TableFacts } from '../../stores/clickhouse/history-statement.ts'
import { differingSequences, factsAt, hashFacts, hashRows, type SegmentRange } from '../../stores/clickhouse/segments.ts'
import type { Finding } from '../run.ts'

/** A history under audit. */
export interface AuditedHistory {
  /** How the ledger calls it, and how a person does. */
  readonly id: string
  readonly title: string
  readonly connection: ClickHouseConnection
  readonly history: ClickHouseHistory
  readonly table: TableFacts
  readonly ledger: CheckpointLedger
}

/** A segment that is not what it was when it was verified; on a side where it has no facts at all there is nothing. */
export interface RewrittenSegment {
  readonly number: bigint
  readonly sealed: SealedSegment | undefined
  readonly live: SealedSegment | undefined
  readonly findings: readonly Finding[]
}

const SEQUENCES_NAMED_MAX = 20
const FACTS_NAMED_MAX = 20

/**
 * Reads a stretch of segments again, the empty ones between them too, and gives those that are not what was verified; the others are noted as seen unchanged.
 * Rows are hashed as they stand; only where that differs, as repeated deliveries make it, are they collapsed to facts.
 */
export async function auditSegments(
  { id, connection, history, table, ledger }: AuditedHistory,
  range: SegmentRange,
  context: LegContext,
): Promise<readonly Omit<RewrittenSegment, 'findings'>[]> {
  const [sealed, rows] = await Promise.all([
    ledger.segments(id, range.stream, range.first, range.last, context.signal),
    hashRows(connection, history, range, context),
  ])
  const rewritten: Omit<RewrittenSegment, 'findings'>[] = []
  for (const { number, ...sides } of pairUp(sealed, rows)) {
    if (isSame(sides.sealed, sides.live)) continue
    const [live] = sides.live ? await hashFacts(connection, history, table, { ...range, first: number, last: number }, context) : []
    if (!isSame(sides.sealed, live)) rewritten.push({ number, sealed: sides.sealed, live })
  }
  const sound = sealed.map(({ number }) => number).filter(number => !rewritten.some(segment => segment.number === number))
  if (sound.length > 0) await ledger.audited(id, range.stream, sound, context.signal)
  return rewritten
}

/** Names what is wrong in a segment: the sequences whose facts are not the verified ones, with the content addresses that stand there now. */
export async function openSegment(
  { id, title, connection, history, table, ledger }: AuditedHistory,
  { stream, size }: SegmentRange,
  number: bigint,
  context: LegContext,
): Promise<readonly Finding[]> {
  const sealed = await ledger.entries(id, stream, number, context.signal)
  const [live] = await hashFacts(connection, history, table, { stream, size, first: number, last: number }, context)
  const differing = differingSequences(sealed, live?.entries ?? new Uint8Array())
  const findings: Finding[] = []
  for (const { offset, sealed: before, live: now } of differing.slice(0, SEQUENCES_NAMED_MAX)) {
    const sequence = number * size + BigInt(offset)
    const facts = await factsAt(connection, history, stream, sequence, FACTS_NAMED_MAX, context)
    const [was, is] = [before?.facts ?? 0, now?.facts ?? 0]
    // One fact more than was verified is the one whose hash makes up the difference.
    const surplus = BigInt.asUintN(64, (now?.hash ?? 0n) - (before?.hash ?? 0n))
    const late = is === was + 1 ? facts.filter(({ hash }) => hash === surplus) : []
    findings.push({
      kind: is > was ? 'late-row' : is < was ? 'deleted-row' : 'altered-row',
      key: { table: title, stream, sequence: sequence.toString() },
      detail: describe(number, was, is, late.length === 1 ? late : facts),
    })
  }
  return findings
}

function describe(segment: bigint, was: number, is: number, facts: readonly { readonly address: string }[]): NamedFields {
  return {
    segment: segment.toString(),
    verified_facts: String(was),
    facts: String(is),
    rows: facts.map(({ address }) => address).join(', '),
  }
}

function pairUp(sealed: readonly SealedSegment[], live: readonly SealedSegment[]) {
  const [before, now] = [sealed, live].map(segments => new Map(segments.map(segment => [segment.number, segment])))
  const numbers = [...new Set([...sealed, ...live].map(({ number }) => number))].sort((a, b) => (a < b ? -1 : 1))
  return numbers.map(number => ({ number, sealed: before?.get(number), live: now?.get(number) }))
}

function isSame(a: SealedSegment | undefined, b: SealedSegment | undefined): boolean {
  return a?.facts === b?.facts && a?.digest === b?.digest
}
