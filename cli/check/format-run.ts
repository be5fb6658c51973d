import picocolors from 'picocolors'
import type { Run } from '../../checks/run.ts'
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
  const remedy = run.verdict === 'inconclusive' ? remedyFor(run.reasonCode) : undefined
  const facts = [
    ['epoch', run.epoch === null ? 'none was captured' : formatSequences(run.epoch)],
    ['keys', `${run.keysCompared} compared, ${run.mismatchCount} differ`],
    ['horizon', `${run.horizon.strategy ?? 'not reached'}, waited ${run.horizon.waitedMs} ms`],
    ['duration', formatDurations(run)],
    ['run', escapeText(run.runId)],
  ] as const
  return [
    `${shade[run.verdict](paint.bold(verdict))}  ${paint.bold(escapeText(run.check))}`,
    `  ${escapeText(run.reason)}`,
    ...facts.map(([name, value]) => `  ${paint.dim(name.padEnd(8))}  ${value}`),
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
