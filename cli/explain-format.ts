import picocolors from 'picocolors'
import type { AmountTexts } from '../checks/explain/amounts.ts'
import type { Explanation, FactEntry, JsonPlace, KeyExplanation, RowEntry } from '../checks/explain/explanation.ts'
import type { NamedFields } from '../epoch/mismatch.ts'
import { escapeName, escapeText } from './terminal/escape.ts'
import { type Column, layOutTable } from './terminal/table.ts'

type Paint = ReturnType<typeof picocolors.createColors>

/** An explanation as text for a person: what it comes to, then each key with its facts and its likely cause. Ends with a line end. */
export function formatExplanation(explanation: Explanation, color: boolean): string {
  const paint = picocolors.createColors(color)
  const { check, summary, runId, epoch, parted, keys, mismatches, keysLeftOut, reasonCode, verdict } = explanation
  const outcome = `${escapeText(verdict).toUpperCase()}${verdict === 'balanced' ? '' : ` (${escapeText(reasonCode)})`}`
  const facts = [
    ['epoch', epoch === null ? 'none was captured' : sequences(epoch)],
    ...(parted ? [['parted', `${sequences(parted.epoch)}, first at ${place(parted.first)}`]] : []),
    ['run', escapeText(runId)],
  ]
  return [
    `${paint.bold(outcome)}  ${paint.bold(escapeText(check))}`,
    `  ${escapeText(summary)}`,
    ...facts.map(([name = '', value = '']) => `  ${paint.dim(name.padEnd(8))}  ${value}`),
    ...keys.flatMap(key => ['', ...formatKey(key, paint)]),
    ...mismatches.flatMap(({ key, left, right }) => ['', `  ${paint.bold(named(key))}`, `  left ${named(left)}, right ${named(right)}`]),
    ...(keysLeftOut === '0' ? [] : ['', `  ... and ${keysLeftOut} more keys`]),
    ...formatFindings(explanation, paint),
    '',
  ].join('\n')
}

function formatKey(explanation: KeyExplanation, paint: Paint): readonly string[] {
  const { key, outcome, recorded, says, facts, factsLeftOut, unlogged, unbalancedEvents, suspects, likelyWrong } = explanation
  const store = likelyWrong.store === null ? 'undecided' : `${likelyWrong.store}, ${likelyWrong.part ?? ''}`
  const shade = outcome === 'healed' ? paint.green : likelyWrong.store === null ? paint.yellow : paint.red
  const line = (name: string, value: string) => `  ${paint.dim(name.padEnd(8))}  ${value}`
  const unloggedCounts = Object.entries(unlogged.counts).map(([effect, count]) => `${count} ${escapeName(effect)}`)
  return [
    `  ${paint.bold(named(key))}  ${shade(outcome === 'healed' ? 'healed since' : `likely wrong: ${store}`)} (${likelyWrong.code})`,
    line('why', escapeText(likelyWrong.why)),
    line('differs', amounts(recorded.difference) || `left ${named(recorded.left)}, right ${named(recorded.right)}`),
    ...Object.entries(says).map(([where, values]) => line('', `${escapeText(where)}: ${values === null ? 'nothing' : amounts(values)}`)),
    ...(explanation.stateChangedSince ? [line('note', 'the state row has changed since; what the run saw of it is shown')] : []),
    ...(unloggedCounts.length === 0
      ? []
      : [line('unlogged', `${unloggedCounts.join(', ')}: PostgreSQL keeps no log of these, and they count as ClickHouse has them`)]),
    ...unbalancedEvents.map(event => line('event', `${escapeName(event.stream)} ${event.sequence} does not sum to zero: ${event.sum}`)),
    ...indented(formatFacts(facts), paint),
    ...(factsLeftOut === '0' ? [] : [`    ... and ${factsLeftOut} more facts (--limit)`]),
    ...(explanation.segmentsLeftOut === '0'
      ? []
      : [`    ... and ${explanation.segmentsLeftOut} stretches of the streams that differ and were not read`]),
    ...suspects.runs.flatMap(run => [
      line(
        'suspect',
        `${run.length === '1' ? 'one fact is' : `${run.length} facts that follow each other are`} exactly this difference: ${run.as.replace('-', ' ')}`,
      ),
      ...indented(formatRows(run.rows), paint),
    ]),
    ...(suspects.leftOut === '0' ? [] : [`    ... and ${suspects.leftOut} more that would`]),
  ]
}

function formatFacts(facts: readonly FactEntry[]): readonly string[] {
  if (facts.length === 0) return []
  const titles = [
    'fact',
    'stream',
    'sequence',
    'time',
    'effect',
    'account',
    'asset',
    'symbol',
    'PostgreSQL',
    'ClickHouse',
    'difference',
    '',
  ]
  const amountColumns = ['PostgreSQL', 'ClickHouse', 'difference', 'sequence']
  return layOutTable(
    titles.map((title): Column => ({ title, align: amountColumns.includes(title) ? 'right' : 'left' })),
    facts.map(fact => [
      fact.kind,
      escapeName(fact.stream),
      fact.sequence,
      escapeText(fact.time),
      escapeName(fact.effect),
      escapeName(fact.account_id),
      escapeName(fact.asset),
      fact.symbol === '' ? '-' : escapeName(fact.symbol),
      fact.postgres === null ? '-' : amounts(fact.postgres),
      fact.clickhouse === null ? '-' : amounts(fact.clickhouse),
      amounts(fact.difference),
      remark(fact),
    ]),
  )
}

function remark({ ids, elsewhere, twin, kind }: FactEntry): string {
  const where =
    elsewhere && `${kind === 'missing' ? 'stands under' : 'belongs to'} ${escapeName(elsewhere.account_id)} ${escapeName(elsewhere.asset)}`
  const repeats = twin && `repeats ${idsOf(twin.ids)} at ${escapeName(twin.stream)} ${twin.sequence}`
  return [idsOf(ids), where, repeats].filter(text => text !== undefined && text !== '').join('; ')
}

function formatRows(rows: readonly RowEntry[]): readonly string[] {
  if (rows.length === 0) return []
  const titles = ['stream', 'sequence', 'time', 'effect', 'account', 'asset', 'symbol', 'amount', '']
  return layOutTable(
    titles.map((title): Column => ({ title, align: title === 'sequence' || title === 'amount' ? 'right' : 'left' })),
    rows.map(row => [
      escapeName(row.stream),
      row.sequence,
      escapeText(row.time),
      escapeName(row.effect),
      escapeName(row.account_id),
      row.asset === null ? '-' : escapeName(row.asset),
      row.symbol === '' ? '-' : escapeName(row.symbol),
      amounts(row.amounts),
      idsOf(row.ids),
    ]),
  )
}

function formatFindings(explanation: Explanation, paint: Paint): readonly string[] {
  const { findings, findingsLeftOut, explained, explainedLeftOut, transfers, positions } = explanation
  const block = (title: string, lines: readonly string[]) =>
    lines.length === 0 ? [] : ['', `  ${paint.dim(title)}`, ...lines.map(line => `  ${line}`)]
  const left = (count: string) => (count === '0' ? [] : [`... and ${count} more (--limit)`])
  return [
    ...block('findings of the run', [
      ...findings.map(({ kind, key, detail }) => `${escapeName(kind)}  ${named(key)}  ${named(detail)}`),
      ...left(findingsLeftOut),
    ]),
    ...block('allowed for by the run', [
      ...explained.map(
        ({ kind, reference, amount, ageMs }) => `${escapeName(kind)}  ${escapeName(reference)}  ${escapeText(amount)}  ${ageMs} ms`,
      ),
      ...left(explainedLeftOut),
    ]),
    ...block('transfers that they name', formatRows(transfers)),
    ...block('positions that they name', formatRows(positions)),
  ]
}

function indented(lines: readonly string[], paint: Paint): readonly string[] {
  return lines.map((line, at) => `    ${at === 0 ? paint.dim(line) : line}`)
}

function idsOf(ids: Readonly<Record<string, string>>): string {
  return Object.entries(ids)
    .map(([name, id]) => `${escapeText(name)} ${escapeName(id)}`)
    .join(', ')
}

function amounts(values: AmountTexts): string {
  const entries = Object.entries(values)
  if (entries.length === 1) return escapeText(entries[0]?.[1] ?? '')
  return entries.map(([name, value]) => `${escapeText(name)} ${escapeText(value)}`).join(', ')
}

function named(fields: NamedFields | null): string {
  if (fields === null) return 'absent'
  return Object.entries(fields)
    .map(([name, value]) => `${escapeText(name)} ${escapeName(value)}`)
    .join(', ')
}

function place({ stream, sequence, time }: JsonPlace): string {
  return `${escapeName(stream)} ${sequence} (${escapeText(time)})`
}

function sequences(epoch: Readonly<Record<string, string>>): string {
  return Object.entries(epoch)
    .map(([stream, sequence]) => `${escapeName(stream)}=${sequence}`)
    .join(' ')
}
