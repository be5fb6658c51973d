import type { Mismatch } from '../../epoch/mismatch.ts'
import type { Outcome } from '../../epoch/verdict.ts'
import type { CheckpointLedger, SealedHistory } from '../../stores/checkpoints/ledger.ts'
import { identify } from '../../stores/clickhouse/checkpoints.ts'
import { refiledAddresses } from '../../stores/clickhouse/segments.ts'
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
  for (const { history, title } of sealed)
    if (!audited.has(history))
      record.warn(`${title}, as it was sealed, is not what this configuration reads; recon checkpoint rebuild --all forgets it`)
  const plan = await ledger.auditPlan([...audited.keys()], scope.signal)
  const all = plan.reduce((sum, { segments }) => sum + segments, 0n)
  const generations = new Map<string, string | undefined>([...audited].map(([id, { generation }]) => [id, generation]))
  let looked = 0n
  let rewritten = 0n
  const mismatches: Mismatch[] = []
  const findings: Finding[] = []
  for (const { history: id, stream, first, last, segments } of plan) {
    const history = audited.get(id)
    if (!history || (endsMs !== undefined && scope.clock.monotonicMs() >= endsMs)) break
    const range = { stream, first, last, size: history.segmentSequences }
    const found = await auditSegments(history, range, scope)
    // Seals that were thrown away meanwhile look like history that was rewritten.
    if (found.length > 0 && (await ledger.generation(id, scope.signal)) !== generations.get(id)) return thrownAway(history.title)
    for (const segment of found) {
      rewritten++
      if (mismatches.length >= run.maxMismatches) continue
      mismatches.push(asMismatch(history.title, stream, segment))
      findings.push(...(await openSegment(history, range, segment.number, scope)))
    }
    if (found.length > 0) {
      await ledger.discardOver(id, scope.signal)
      generations.set(id, await ledger.generation(id, scope.signal))
    }
    looked += segments
    options.progress?.(looked, all)
  }
  // What no stretch shows by itself; only an audit that may take its time looks for it.
  const refiled = options.budgetMs === undefined ? await findRefiled(audited.values(), run.maxMismatches, scope) : []
  record.comparison = { keysCompared: looked, mismatchCount: rewritten, mismatches }
  record.findings = [...findings, ...refiled]
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
  if (refiled.length > 0) {
    const named = refiled.slice(0, 3).map(({ key }) => `${key['address']} of ${key['table']}`)
    return { verdict: 'diff', reasonCode: 'conflicting-duplicate', reason: `one content address stands at two places: ${named.join(', ')}` }
  }
  if (looked === 0n && all > 0n)
    return {
      verdict: 'inconclusive',
      reasonCode: 'statement-timeout',
      reason: `the budget was over before any of ${all} segments was looked at`,
    }
  if (audited.size === 0 && sealed.length > 0) {
    return {
      verdict: 'inconclusive',
      reasonCode: 'schema-mismatch',
      reason: 'no history that was sealed is one that this configuration reads',
    }
  }
  if (all === 0n)
    return { verdict: 'balanced', reasonCode: 'balanced', reason: 'nothing lies under a checkpoint: every run reads all history' }
  return { verdict: 'balanced', reasonCode: 'balanced', reason: `${looked} of ${all} segments are what was verified` }
}

async function findRefiled(histories: Iterable<AuditedHistory>, most: number, scope: Attempt['scope']): Promise<readonly Finding[]> {
  const found: Finding[] = []
  for (const { title, connection, history } of histories)
    for (const address of await refiledAddresses(connection, history, most, scope))
      found.push({ kind: 'refiled-address', key: { table: title, address }, detail: {} })
  return found
}

function thrownAway(title: string): Outcome {
  const reason = `what was sealed of ${title} was thrown away while it was audited; run it again`
  return { verdict: 'inconclusive', reasonCode: 'snapshot-conflict', reason }
}

type SealedUnderAudit = AuditedHistory & Pick<SealedHistory, 'segmentSequences' | 'generation'>

/** The histories that are sealed and that this configuration reads, by what the ledger calls them. */
async function auditedHistories(
  sources: CheckSources,
  ledger: CheckpointLedger,
  sealed: readonly SealedHistory[],
  scope: Attempt['scope'],
) {
  const found = new Map<string, SealedUnderAudit>()
  for (const name of Object.keys(REFERENCE_HISTORIES)) {
    if (!isReferenceHistory(name) || sealed.length === 0) continue
    const history = referenceHistory(sources, name, { shape: { keys: [], values: [], aggregating: false }, values: {} })
    const table = await requireHistory(sources.clickhouse, history, scope)
    const { history: id } = identify(history, table)
    const known = sealed.find(each => each.history === id)
    if (!known) continue
    const { title, segmentSequences, generation } = known
    found.set(id, { id, title, connection: sources.clickhouse, history, table, ledger, segmentSequences, generation })
  }
  return found
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

function isReferenceHistory(name: string): name is ReferenceHistoryName {
  return Object.hasOwn(REFERENCE_HISTORIES, name)
}
