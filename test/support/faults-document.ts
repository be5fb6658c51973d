import { type Fault, faultCatalogue } from '../../sim/faults/catalogue.ts'
import type { FaultExpectation, FaultReason } from '../../sim/faults/expectation.ts'
import { blindSpots } from './blind-spots.ts'

type Reason = Exclude<FaultReason, 'balanced' | 'stuck-transfer' | 'unknown-movement' | 'store-unreachable' | 'custodian-inconsistent'>

// Typed by the catalogue, so that a reason without words does not compile.
const seenBy: Readonly<Record<Reason, string>> = {
  'value-mismatch': 'the sums: a balance is not the sum of its transactions as of the epoch',
  'rows-missing': 'the counts: fewer distinct rows than the watermark vouches for, at the deadline, even where all sums agree',
  'rows-extra': 'the counts: more distinct rows than the watermark vouches for, or rows of a stream that nobody declared',
  'conflicting-duplicate': 'the rows themselves: two of them have one content address, and are not the same in every column',
  'torn-cut': 'the stamps: a state row was changed by an event above the resume token, in every capture until the deadline',
  'horizon-timeout': 'the watermarks: none is as far as the epoch at the deadline',
  'watermark-conflict': 'the watermarks: one sequence has two totals',
  'epoch-regression': "recon's own database: an earlier run saw a higher epoch",
}

/** The parts of docs/faults.md that are made, by the name between their markers. */
export const madeParts: Readonly<Record<string, () => string>> = {
  catalogue: () =>
    table(
      ['fault', 'what happens', 'committed by', 'transactions-balance says', 'healed by'],
      faultCatalogue.map((fault: Fault) => [`\`${fault.name}\``, fault.summary, fault.plantedIn, saidOf(fault), healedBy(fault)]),
    ),
  reasons: () =>
    table(
      ['reason', 'what sees it'],
      Object.entries(seenBy).map(([reason, words]) => [`\`${reason}\``, words]),
    ),
  'blind spots': () =>
    table(
      ['what it cannot see', 'why', 'who can'],
      blindSpots.map(({ fault, why, seenBy }) => [fault, why, seenBy]),
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

function saidOf(fault: Fault): string {
  const expected: FaultExpectation = fault.expect['transactions-balance']
  const { verdict, reasonCode, heals, withoutState } = expected
  const said = verdict === 'balanced' ? verdict : `${verdict}, \`${reasonCode}\``
  if (withoutState !== undefined) return `${said}; without recon's own database \`${withoutState.reasonCode}\``
  if (heals === true) return `${said}, once it has waited for the row`
  if (fault.visible) return said
  return fault.name === 'replayed-identical-row' ? `${said}, and counts the duplicate` : `${said}: **it cannot see it**`
}

function healedBy(fault: Fault): string {
  const { heals = false }: FaultExpectation = fault.expect['transactions-balance']
  if (fault.repairable) return 'repair'
  return heals ? 'itself' : ''
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.map(cell => cell.replaceAll('|', '\\|')).join(' | ')} |\n`
  return line(head) + line(head.map(() => '---')) + rows.map(line).join('')
}
