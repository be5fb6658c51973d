import picocolors from 'picocolors'
import type { Explained, Finding, Run } from '../../checks/run.ts'
import type { NamedFields } from '../../epoch/mismatch.ts'
import type { Verdict } from '../../epoch/verdict.ts'
import { escapeName, escapeText } from '../terminal/escape.ts'
import { type Column, layOutTable } from '../terminal/table.ts'
import { remedyFor } from './remedies.ts'

/** One run as a block for a person to read: the verdict first, then the evidence, then the keys that differ or what to do. Ends with a line end. */
export function formatRun(run: Run, color: boolean): string {
  const paint = picocolors.createColors(color)
  const shade = { balanced: paint.green, diff: paint.red, inconclusive: paint.yellow } as const satisfies Record<Verdict, unknown>
  const verdict = run.verdict.toUpperCase() + (run.verdict === 'balanced' ? '' : ` (${run.reasonCode})`)
  const remedy = remedyFor(run.reasonCode)
  const facts = [
    ['epoch', run.epoch === null ? 'none was captured' : formatSequences(run.epoch)],
    ['keys', `${run.keysCompared} compared, ${run.mismatchCount} differ`],
    ['horizon', `${run.horizon.strategy ?? 'not reached'}, waited ${run.horizon.waitedMs} ms`],
    ...formatVerified(run),
    ['duration', formatDurations(run)],
    ['run', escapeText(run.runId)],
  ] as const
  return [
    `${shade[run.verdict](paint.bold(verdict))}  ${paint.bold(escapeText(run.check))}`,
    `  ${escapeText(run.reason)}`,
    ...facts.map(([name, value]) => `  ${paint.dim(name.padEnd(8))}  ${value}`),
    ...(run.explained ?? []).map(each => `  ${paint.dim('explained')} ${formatExplained(each)}`),
    ...run.findings.map(finding => `  ${paint.dim('finding')}   ${formatFinding(finding)}`),
    ...(run.conflicts.length > 0 ? [`  ${paint.dim('conflict')}  ${run.conflicts.map(escapeName).join(', ')}`] : []),
    ...run.warnings.map(warning => `  ${paint.dim('warning')}   ${escapeText(warning)}`),
    ...(remedy === undefined ? [] : [`  ${paint.dim('to do')}     ${remedy}`]),
    ...formatMismatches(run).map((line, at) => (line === '' ? '' : `  ${at === 1 ? paint.dim(line) : line}`)),
    '',
  ].join('\n')
}

/** The keys that differ, one line per value that differs, in aligned columns; first a blank line. Nothing where none are listed. */
function formatMismatches(run: Run): readonly string[] {
  const [first] = run.mismatches
  if (!first) return []
  const keys = Object.keys(first.key)
  const columns: readonly Column[] = [
    ...keys.map(title => ({ title: escapeName(title), align: 'left' }) as const),
    { title: 'value', align: 'left' },
    { title: 'left', align: 'right' },
    { title: 'right', align: 'right' },
    { title: 'difference', align: 'right' },
    { title: '', align: 'left' },
  ]
  const rows = run.mismatches.flatMap(({ key, kind, left: ours, right: theirs, difference }) =>
    differingValues(ours, theirs).map(value => [
      ...keys.map(name => escapeName(key[name] ?? null)),
      escapeName(value),
      sideOf(ours, value),
      sideOf(theirs, value),
      escapeText(difference[value] ?? ''),
      kind === 'value' ? '' : kind,
    ]),
  )
  const unlisted = BigInt(run.mismatchCount) - BigInt(run.mismatches.length)
  return ['', ...layOutTable(columns, rows), ...(unlisted > 0n ? [`... and ${unlisted} more (maxMismatches)`] : [])]
}

/** How old what was not read again is, at its oldest. */
function formatVerified({ horizon }: Run): readonly (readonly [string, string])[] {
  const ages = horizon.legs.flatMap(({ verified }) => (verified ? [verified.auditAgeMs] : []))
  if (ages.length === 0) return []
  const known = ages.filter(age => age !== null)
  const audited = known.length < ages.length ? 'never audited' : `audited ${formatAge(Math.max(...known))} ago`
  return [['verified', `history below a checkpoint was not read again; its oldest segment was ${audited}`]]
}

function formatAge(ms: number): string {
  return ms < 60_000 ? `${Math.round(ms / 1_000)} s` : ms < 3_600_000 ? `${Math.round(ms / 60_000)} min` : `${Math.round(ms / 3_600_000)} h`
}

function formatFinding({ kind, key, detail }: Finding): string {
  const fields = (named: NamedFields) => Object.entries(named).map(([name, value]) => `${escapeName(name)}=${escapeName(value)}`)
  return [escapeText(kind), ...fields(key), ...fields(detail)].join(' ')
}

function formatExplained({ reference, kind, asset, amount, ageMs }: Explained): string {
  return `${escapeText(kind)} ${escapeName(reference)} ${escapeText(amount)} ${escapeName(asset)}${ageMs > 0 ? `, for ${formatAge(ageMs)}` : ''}`
}

function differingValues(left: NamedFields | null, right: NamedFields | null): readonly string[] {
  return Object.keys(left ?? right ?? {}).filter(value => left === null || right === null || left[value] !== right[value])
}

function sideOf(fields: NamedFields | null, value: string): string {
  return fields === null ? '-' : escapeName(fields[value] ?? null)
}

function formatSequences(epoch: Readonly<Record<string, string>>): string {
  return Object.entries(epoch)
    .map(([stream, sequence]) => `${escapeName(stream)}=${sequence}`)
    .join(' ')
}

function formatDurations({ durationMs }: Run): string {
  const { total, ...steps } = durationMs
  return `${total} ms (${Object.entries(steps)
    .map(([step, ms]) => `${step} ${ms}`)
    .join(', ')})`
}
