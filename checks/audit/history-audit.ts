import type { Mismatch } from '../../epoch/mismatch.ts'
import type { Outcome } from '../../epoch/verdict.ts'
import type { CheckpointLedger, SealedHistory } from '../../stores/checkpoints/ledger.ts'
import { identify } from '../../stores/clickhouse/checkpoints.ts'
import { type SegmentRange, segmentsInUse } from '../../stores/clickhouse/segments.ts'
import { requireHistory } from '../../stores/clickhouse/table-facts.ts'
import type { Attempt, Check } from '../check.ts'
import type { CheckSources } from '../check-sources.ts'
import { referenceHistory } from '../reference-legs.ts'
import { REFERENCE_HISTORIES, type ReferenceHistoryName } from '../reference-model.ts'
import type { Finding } from '../run.ts'
import { type AuditedHistory, auditSegments, openSegment } from './audit-segments.ts'

/** The name under which audits are recorded. */
export const AUDIT_NAME = 'history-audit'

/** How much an audit looks at. */
export interface AuditOptions {
  /** Past this time, in milliseconds, it looks at no more; the segments that were looked at least recently go first. Undefined: at all of them. */
  readonly budgetMs: number | undefined
  /** Hears how many segments were looked at, and how many there are. */
  readonly progress?: (done: bigint, all: bigint) => void
}

const SEGMENTS_AT_ONCE = 64
// A stretch of the stream with so many empty segments in it is two stretches.
const GAP_MAX = 64n

/**
 * The rolling audit (design section 4): reads the history under the checkpoints again, and holds every segment to what it was when it was verified. What was
 * rewritten voids the checkpoints above it, so that the checks read everything again. Its cost is linear in the history.
 */
export function historyAudit(sources: CheckSources, ledger: CheckpointLedger, options: AuditOptions): Check {
  return {
    name: AUDIT_NAME,
    description: 'the history under the checkpoints is what it was when it was verified',
    strategy: null,
    attempt: attempt => audit(sources, ledger, options, attempt),
  }
}

async function audit(
  sources: CheckSources,
  ledger: CheckpointLedger,
  options: AuditOptions,
  { record, scope, options: run }: Attempt,
): Promise<Outcome> {
  const endsMs = options.budgetMs === undefined ? undefined : scope.clock.monotonicMs() + options.budgetMs
  const sealed = await ledger.histories(scope.signal)
  const audited = await auditedHistories(sources, ledger, sealed, scope)
  const all = audited.reduce((sum, { segments }) => sum + segments, 0n)
  let looked = 0n
  let rewritten = 0n
  const mismatches: Mismatch[] = []
  const findings: Finding[] = []
  for (const { segmentSequences: size, streams, ...history } of audited) {
    for (const { stream, next } of streams) {
      if (next === 0n) continue
      const numbers =
        endsMs === undefined ? undefined : await ledger.leastAudited(history.id, stream, Number(history.segments), scope.signal)
      for (const { first, last, segments } of await stretches(history, { stream, first: 0n, last: next - 1n, size }, numbers, scope)) {
        if (endsMs !== undefined && scope.clock.monotonicMs() >= endsMs) break
        const range = { stream, first, last, size }
        const found = await auditSegments(history, range, scope)
        for (const segment of found) {
          rewritten++
          if (mismatches.length >= run.maxMismatches) continue
          mismatches.push(asMismatch(history.title, stream, segment))
          findings.push(...(await openSegment(history, range, segment.number, scope)))
        }
        if (found.length > 0) await ledger.discardOver(history.id, scope.signal)
        looked += segments
        options.progress?.(looked, all)
      }
    }
  }
  record.comparison = { keysCompared: looked, mismatchCount: rewritten, mismatches }
  record.findings = findings
  if (rewritten > 0n) {
    const where = findings
      .slice(0, 3)
      .map(({ kind, key, detail }) => `${kind} at ${key['stream']} ${key['sequence']} of ${key['table']} (${detail['rows']})`)
    return {
      verdict: 'diff',
      reasonCode: 'history-rewritten',
      reason: [`${rewritten} of ${looked} segments are not what was verified`, ...where].join('; '),
    }
  }
  return { verdict: 'balanced', reasonCode: 'balanced', reason: `${looked} of ${all} segments are what was verified` }
}

/** The histories that are sealed and that this configuration reads. */
async function auditedHistories(
  sources: CheckSources,
  ledger: CheckpointLedger,
  sealed: readonly SealedHistory[],
  scope: Attempt['scope'],
) {
  const found: (AuditedHistory & Pick<SealedHistory, 'segmentSequences' | 'streams' | 'segments'>)[] = []
  for (const name of Object.keys(REFERENCE_HISTORIES)) {
    if (!isReferenceHistory(name) || sealed.length === 0) continue
    const history = referenceHistory(sources, name, { shape: { keys: [], values: [], aggregating: false }, values: {} })
    const table = await requireHistory(sources.clickhouse, history, scope)
    const { history: id } = identify(history, table)
    const known = sealed.find(each => each.history === id)
    if (!known) continue
    const { title, segmentSequences, streams, segments } = known
    found.push({ id, title, connection: sources.clickhouse, history, table, ledger, segmentSequences, streams, segments })
  }
  return found
}

/** The segments to look at, in stretches that one statement reads. */
async function stretches(
  { id, connection, history, ledger }: AuditedHistory,
  range: SegmentRange,
  leastAudited: readonly bigint[] | undefined,
  scope: Attempt['scope'],
): Promise<readonly { readonly first: bigint; readonly last: bigint; readonly segments: bigint }[]> {
  const { stream, first, last } = range
  const numbers =
    leastAudited ??
    sorted([
      ...(await ledger.segments(id, stream, first, last, scope.signal)).map(({ number }) => number),
      ...(await segmentsInUse(connection, history, range, scope)),
    ])
  const groups: bigint[][] = []
  // The order is kept between stretches, so that what was looked at least recently goes first.
  for (let at = 0; at < numbers.length; at += SEGMENTS_AT_ONCE) {
    for (const number of sorted(numbers.slice(at, at + SEGMENTS_AT_ONCE))) {
      const group = groups.at(-1)
      const before = group?.at(-1)
      if (group && before !== undefined && number > before && number - before <= GAP_MAX && group.length < SEGMENTS_AT_ONCE)
        group.push(number)
      else groups.push([number])
    }
  }
  return groups.map(group => ({ first: group[0] ?? 0n, last: group.at(-1) ?? 0n, segments: BigInt(group.length) }))
}

function asMismatch(
  table: string,
  stream: string,
  { number, sealed, live }: { number: bigint; sealed: { facts: bigint } | undefined; live: { facts: bigint } | undefined },
): Mismatch {
  const [was, is] = [sealed?.facts ?? 0n, live?.facts ?? 0n]
  return {
    key: { table, stream, segment: number.toString() },
    kind: sealed === undefined ? 'missing-left' : live === undefined ? 'missing-right' : 'value',
    left: sealed ? { facts: was.toString() } : null,
    right: live ? { facts: is.toString() } : null,
    difference: { facts: (was - is).toString() },
  }
}

function sorted(numbers: readonly bigint[]): readonly bigint[] {
  return [...new Set(numbers)].sort((a, b) => (a < b ? -1 : 1))
}

function isReferenceHistory(name: string): name is ReferenceHistoryName {
  return Object.hasOwn(REFERENCE_HISTORIES, name)
}
