import { allFaults, faultGroups } from '../../sim/faults/all-faults.ts'
import type { DescribedFault } from '../../sim/faults/catalogue-entry.ts'
import { type CheckName, checkNames, type FaultExpectation, type FaultReason, sees } from '../../sim/faults/expectation.ts'
import { blindSpots } from './blind-spots.ts'

// A reason without words does not compile.
const seenBy: Readonly<Record<Exclude<FaultReason, 'balanced'>, string>> = {
  'value-mismatch': 'the comparison: a key has two values as of the epoch, or a mark is not what position, transactions and price say',
  'rows-missing': 'the counts: fewer distinct rows than the watermark vouches for, at the deadline, even where all sums agree',
  'rows-extra': 'the counts: more distinct rows than the watermark vouches for, or rows of a stream that nobody declared',
  'conflicting-duplicate': 'the rows themselves: two of them have one content address, and are not the same in every column',
  'stuck-transfer': 'the clock: a movement has been on its way for longer than `custodian.inFlightLimit`, even where the books square',
  'unknown-movement':
    'the matching: a movement that belongs to no transfer and to no class, or a gap between the list and the balance of the custodian that has stood too long',
  'torn-cut': 'the stamps: a state row was changed by an event above the resume token, in every capture until the deadline',
  'horizon-timeout': 'the watermarks: none is as far as the epoch at the deadline',
  'watermark-conflict': 'the watermarks: one sequence has two totals',
  'epoch-regression': "recon's own database: an earlier run saw a higher epoch",
  'custodian-inconsistent':
    "the custodian's own answer: its movements do not come to its balance, each time it was asked until the deadline",
  'store-unreachable': 'the connection: refused, broken, or turned away until the deadline',
  'store-error': 'the reading of the answer: it is not what it should be, so that nothing is concluded from it',
}

// Nothing is wrong: they are there to show that nobody says so.
const HARMLESS = [
  'replayed-identical-row',
  'replayed-position-row',
  'mark-cycle-without-watermark',
  'failed-withdrawal-with-refund',
  'network-fee',
]

/** The parts of docs/faults.md that are made, by the name between their markers. */
export const madeParts: Readonly<Record<string, () => string>> = {
  catalogue: () => faultGroups.map(({ title, faults }) => `### ${title}\n\n${catalogueTable(faults)}`).join('\n'),
  'seen by none': () =>
    allFaults
      .filter(fault => seers(fault).length === 0 && !HARMLESS.includes(fault.name))
      .map(({ name, summary }) => `- \`${name}\`: ${summary}.\n`)
      .join(''),
  'seen by one': () =>
    table(
      ['check', 'faults that no other check sees'],
      checkNames.map(check => [
        `\`${check}\``,
        allFaults
          .filter(fault => seers(fault).join() === check)
          .map(({ name }) => `\`${name}\``)
          .join(', '),
      ]),
    ),
  reasons: () =>
    table(
      ['reason', 'what sees it'],
      Object.entries(seenBy).map(([reason, words]) => [`\`${reason}\``, words]),
    ),
  'blind spots': () =>
    table(
      ['check', 'what it cannot see', 'why', 'who can'],
      blindSpots.map(({ check, fault, why, seenBy }) => [`\`${check}\``, fault, why, seenBy]),
    ),
}

/** Puts what is made between its markers, `<!-- made: NAME -->` and `<!-- end -->`; throws where a pair is missing. */
export function withMadeParts(document: string): string {
  return Object.entries(madeParts).reduce((text, [name, make]) => {
    const begins = `<!-- made: ${name} -->\n`
    const from = text.indexOf(begins)
    const to = text.indexOf('<!-- end -->', from)
    if (from < 0 || to < 0) throw new Error(`docs/faults.md has no place for ${JSON.stringify(name)}`)
    return `${text.slice(0, from)}${begins}\n${make()}\n${text.slice(to)}`
  }, document)
}

/** The faults that nothing is wrong with; of the others, each has somebody who sees it or stands in the list of those that none does. */
export const harmlessFaults: readonly string[] = HARMLESS

function catalogueTable(faults: readonly DescribedFault[]): string {
  return table(
    ['fault', 'what happens', 'committed by', ...checkNames, 'healed by'],
    faults.map(fault => [
      `\`${fault.name}\``,
      fault.summary,
      fault.plantedIn,
      ...checkNames.map(check => saidOf(fault.expect[check])),
      healedBy(fault),
    ]),
  )
}

function saidOf(expected: FaultExpectation): string {
  const { heals = false, withoutState, after, before, impatient } = expected
  if (heals) return `balanced, once it has gone; before that ${verdictText(impatient ?? { verdict: 'diff', reasonCode: 'rows-missing' })}`
  if (withoutState) return `${verdictText(expected)}; without recon's own database ${verdictText(withoutState)}`
  if (after !== undefined && before) return `${verdictText(expected)} after \`${after}\`; before that ${verdictText(before)}`
  return verdictText(expected)
}

function verdictText({ verdict, reasonCode }: Pick<FaultExpectation, 'verdict' | 'reasonCode'>): string {
  if (verdict === 'balanced') return 'balanced'
  return verdict === 'diff' ? `**diff**, \`${reasonCode}\`` : `inconclusive, \`${reasonCode}\``
}

function seers({ expect }: DescribedFault): readonly CheckName[] {
  return checkNames.filter(check => sees(expect[check]))
}

function healedBy(fault: DescribedFault): string {
  if (Object.values(fault.expect).some(({ heals }) => heals)) return 'itself'
  return fault.repairable ? 'repair' : ''
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.map(cell => cell.replaceAll('|', '\\|')).join(' | ')} |\n`
  return line(head) + line(head.map(() => '---')) + rows.map(line).join('')
}
