import type { Run } from '../../checks/run.ts'
import type { NamedFields } from '../../epoch/mismatch.ts'
import { escapeName } from '../terminal/escape.ts'
import { widthOf } from '../terminal/table.ts'
import { epochText } from './figures.ts'
import { type Line, lineOf, type Span, wholeSpans, wrapWords } from './line.ts'

const KEYS_SHOWN = 2
const REPAIRED: Span = { text: ', repaired since', shade: 'green' }

/**
 * A difference for a person: the reason, and of the first keys both sides and the difference, decimal point under decimal point. The title and
 * the reason keep to `width` cells, and the title says whether it has been repaired since.
 */
export function findingLines(run: Run, width: number, repaired = false): readonly Line[] {
  const more = BigInt(run.mismatchCount) - BigInt(Math.min(run.mismatches.length, KEYS_SHOWN))
  return [
    wholeSpans(
      [
        { text: `${run.verdict} (${run.reasonCode})`, shade: run.verdict === 'diff' ? 'red' : 'yellow' },
        { text: ` at ${epochText(run.epoch)}`, shade: 'plain' },
        ...(repaired ? [REPAIRED] : []),
        { text: `  ${run.check}`, shade: 'plain' },
      ],
      width,
    ),
    ...wrapWords(run.reason, width - 2, '').map(line => lineOf(`  ${line}`)),
    ...run.mismatches.slice(0, KEYS_SHOWN).flatMap(({ key, left, right, difference }) => [
      lineOf(`  ${keyText(key)}`, 'bold'),
      ...aligned([
        ['PostgreSQL', sideText(left)],
        ['ClickHouse', sideText(right)],
        ['difference', Object.values(difference).join(' ')],
      ]),
    ]),
    ...(more > 0n ? [lineOf(`  ... and ${more} more`, 'dim')] : []),
  ]
}

/** A key in one line, such as `account_id A17, asset USD`. */
export function keyText(key: NamedFields): string {
  return Object.entries(key)
    .map(([name, value]) => `${name} ${escapeName(value)}`)
    .join(', ')
}

function sideText(side: NamedFields | null): string {
  return side === null
    ? 'no row'
    : Object.values(side)
        .map(value => escapeName(value))
        .join(' ')
}

function aligned(figures: readonly (readonly [name: string, value: string])[]): readonly Line[] {
  const before = (value: string) => widthOf(value.split('.')[0] ?? '')
  const width = Math.max(...figures.map(([, value]) => before(value)))
  return figures.map(([name, value]) => lineOf(`    ${name}  ${' '.repeat(width - before(value))}${value}`))
}
