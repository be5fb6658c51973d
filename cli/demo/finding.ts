import type { Finding, Run } from '../../checks/run.ts'
import type { Mismatch, NamedFields } from '../../epoch/mismatch.ts'
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
    ...run.mismatches.slice(0, KEYS_SHOWN).flatMap(mismatch => mismatchLines(mismatch, sidesOf(run.check))),
    ...run.findings
      .slice(0, KEYS_SHOWN)
      .flatMap(finding => wrapWords(`  ${findingText(finding)}`, width, '    ').map(line => lineOf(line))),
    ...(more > 0n ? [lineOf(`  ... and ${more} more`, 'dim')] : []),
  ]
}

/** One fact that is wrong, such as `wrong-mark: account_id A17, symbol X (marked 1, must_be 2)`. */
function findingText({ kind, key, detail }: Finding): string {
  const words = Object.keys(detail).length === 0 ? '' : ` (${keyText(detail)})`
  return `${escapeName(kind)}: ${keyText(key)}${words}`
}

/** A key in one line, such as `account_id A17, asset USD`. */
export function keyText(key: NamedFields): string {
  return Object.entries(key)
    .map(([name, value]) => `${name} ${escapeName(value)}`)
    .join(', ')
}

/** What the two sides of a check are. */
const SIDES: Readonly<Record<string, readonly [left: string, right: string]>> = {
  'transactions-balance': ['PostgreSQL', 'ClickHouse'],
  'positions-match': ['PostgreSQL', 'ClickHouse'],
  'position-realized-pnls-balance': ['positions', 'transactions'],
  'omnibus-balances-square': ['custodian', 'books'],
  'pnl-is-zero-sum': ['sum', 'must be'],
}

function sidesOf(check: string): readonly [string, string] {
  return SIDES[check] ?? ['left', 'right']
}

/** One key, and of each value that differs both sides and the difference. */
function mismatchLines({ key, left, right, difference }: Mismatch, [leftName, rightName]: readonly [string, string]): readonly Line[] {
  const values = Object.entries(difference).filter(([, amount]) => amount !== '0')
  const several = Object.keys(difference).length > 1
  return [
    lineOf(`  ${keyText(key)}`, 'bold'),
    ...(values.length === 0 ? [lineOf('    a row on one side alone')] : []),
    ...values.flatMap(([name, amount]) => [
      ...(several ? [lineOf(`    ${escapeName(name)}`)] : []),
      ...aligned([
        [leftName, sideText(left, name)],
        [rightName, sideText(right, name)],
        ['difference', amount],
      ]),
    ]),
  ]
}

function sideText(side: NamedFields | null, value: string): string {
  return side === null ? 'no row' : escapeName(side[value] ?? null)
}

function aligned(figures: readonly (readonly [name: string, value: string])[]): readonly Line[] {
  const before = (value: string) => widthOf(value.split('.')[0] ?? '')
  const width = Math.max(...figures.map(([, value]) => before(value)))
  const names = Math.max(...figures.map(([name]) => name.length))
  return figures.map(([name, value]) => lineOf(`    ${name.padEnd(names)}  ${' '.repeat(width - before(value))}${value}`))
}
