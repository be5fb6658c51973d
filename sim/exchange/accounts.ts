/** The account that every fee is credited to. */
export const FEE_ACCOUNT = 'AX-FEES'

/** An account that is funded by the first transfers and never trades; faults that need a balance which stays put use it. */
export const INSURANCE_ACCOUNT = 'AX-INSURANCE'

// Each of these has broken a reconciliation somewhere: quoting, escaping, trimming, normalising, or sorting by UTF-16 instead of by bytes.
const awkwardNames = [
  "O'Brien",
  '"quoted" desk',
  'back\\slash',
  'tab\there',
  'line\nbreak',
  'carriage\rreturn',
  ' leading space',
  'trailing space ',
  'Zoë',
  'Zoe\u0308',
  '\u6771\u4eac\u53e3\u5ea7',
  '\u{1f980} crab',
  '\ufffd above the surrogates',
  '\\N',
  'NULL',
  'comma,semi;colon:',
  '{"json":[1,2]}',
  'control\u0001\u001b[31mred',
  '\u05d7\u05e9\u05d1\u05d5\u05df',
  "'; drop table accounts.balances; --",
  'A',
  'a',
  '%s $1 ?',
]

const AWKWARD_EVERY = 5

/**
 * The name of account number `index`, from 0. Low numbers trade most (see `dropcopy.ts`), and every fifth of those has an awkward name, so that
 * quotes, newlines and astral characters are in the hottest rows and not only in a corner.
 */
export function accountName(index: number): string {
  const awkward = index % AWKWARD_EVERY === AWKWARD_EVERY - 1 ? awkwardNames[(index - AWKWARD_EVERY + 1) / AWKWARD_EVERY] : undefined
  return awkward ?? `A${(index + 1).toString().padStart(6, '0')}`
}
