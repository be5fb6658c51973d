import type { FaultReason } from '../../faults/expectation.ts'

/** What omnibus-balances-square must say. */
export interface CustodianVerdict {
  readonly verdict: 'balanced' | 'diff' | 'inconclusive'
  readonly reasonCode: FaultReason | 'store-error'
}

/** What omnibus-balances-square must say of a fault; of the other checks, none reads the custodian. */
export interface CustodianExpectation extends CustodianVerdict {
  /** It says so once the fault has stood longer than this limit of the configuration, and `before` until then. */
  readonly after?: 'custodian.inFlightLimit' | 'custodian.inconsistentLimit'
  readonly before?: CustodianVerdict
  /** It goes by itself: `expect` is said by a check that waits long enough, and `impatient` by one that does not. */
  readonly heals?: boolean
  readonly impatient?: CustodianVerdict
}

interface CatalogueEntry {
  readonly name: string
  readonly summary: string
  /** Whether it needs the exchange, since it is committed in the books as well. */
  readonly needsBooks: boolean
  /** Whether `heal` takes it back. */
  readonly healable: boolean
  readonly expect: CustodianExpectation
}

const balanced: CustodianVerdict = { verdict: 'balanced', reasonCode: 'balanced' }
const mismatch: CustodianVerdict = { verdict: 'diff', reasonCode: 'value-mismatch' }
const inconsistent: CustodianVerdict = { verdict: 'inconclusive', reasonCode: 'custodian-inconsistent' }
const stuck: CustodianExpectation = { verdict: 'diff', reasonCode: 'stuck-transfer', after: 'custodian.inFlightLimit', before: balanced }
const senseless: CustodianVerdict = { verdict: 'inconclusive', reasonCode: 'store-error' }

/** Every fault that the simulated custodian can be given. */
export const custodianFaults = [
  {
    name: 'missing-deposit-at-custodian',
    summary: 'a deposit that the books have credited is not at the custodian, neither listed nor held',
    needsBooks: false,
    healable: true,
    expect: mismatch,
  },
  {
    name: 'deposit-credited-twice',
    summary: 'the books credit one deposit of the custodian in two transfers',
    needsBooks: true,
    healable: false,
    expect: mismatch,
  },
  {
    name: 'withdrawal-sent-twice',
    summary: 'the custodian carries out one withdrawal two times',
    needsBooks: false,
    healable: true,
    expect: { verdict: 'diff', reasonCode: 'value-mismatch' },
  },
  {
    name: 'custodian-amount-off-by-smallest-unit',
    summary: 'the custodian received 10^-18 more than the books have credited',
    needsBooks: false,
    healable: true,
    expect: mismatch,
  },
  {
    name: 'unknown-custodian-movement',
    summary: 'money arrives at the custodian in a transaction of a type that nobody has classified',
    needsBooks: false,
    healable: true,
    expect: { verdict: 'diff', reasonCode: 'unknown-movement' },
  },
  {
    name: 'reference-mismatch',
    summary: 'a deposit that the books have credited stands at the custodian under another reference',
    needsBooks: false,
    healable: true,
    expect: mismatch,
  },
  {
    name: 'stuck-deposit',
    summary: 'a deposit arrives at the custodian and is never credited',
    needsBooks: false,
    healable: true,
    expect: stuck,
  },
  {
    name: 'stuck-withdrawal',
    summary: 'a withdrawal that the books have debited stays in progress at the custodian',
    needsBooks: false,
    healable: true,
    expect: stuck,
  },
  {
    name: 'list-lags-balance',
    summary: 'a transaction is in the balance for some seconds before it is in the list',
    needsBooks: false,
    healable: true,
    expect: { ...balanced, heals: true, impatient: inconsistent },
  },
  {
    name: 'list-lags-balance-forever',
    summary: 'a transaction is in the balance and never comes into the list',
    needsBooks: false,
    healable: true,
    expect: { verdict: 'diff', reasonCode: 'unknown-movement', after: 'custodian.inconsistentLimit', before: inconsistent },
  },
  {
    name: 'failed-withdrawal-without-refund',
    summary: 'a withdrawal fails at the custodian, and the books never give it back',
    needsBooks: false,
    healable: true,
    expect: stuck,
  },
  {
    name: 'failed-withdrawal-with-refund',
    summary: 'a withdrawal fails at the custodian, and the books give it back',
    needsBooks: true,
    healable: false,
    expect: balanced,
  },
  {
    name: 'network-fee',
    summary: 'a withdrawal costs a network fee, which leaves the custodian on top of the amount',
    needsBooks: false,
    healable: true,
    expect: balanced,
  },
  {
    name: 'malformed-json',
    summary: 'the answers of the custodian are cut off in the middle',
    needsBooks: false,
    healable: true,
    expect: senseless,
  },
  {
    name: 'number-instead-of-string',
    summary: 'the custodian writes its quantities as JSON numbers, which lose digits',
    needsBooks: false,
    healable: true,
    expect: senseless,
  },
  {
    name: 'custodian-outage',
    summary: 'the custodian breaks every connection',
    needsBooks: false,
    healable: true,
    expect: { verdict: 'inconclusive', reasonCode: 'store-unreachable' },
  },
  {
    name: 'custodian-rate-limit',
    summary: 'the custodian refuses the next requests, and says to come back in a second',
    needsBooks: false,
    healable: true,
    expect: { ...balanced, heals: true, impatient: { verdict: 'inconclusive', reasonCode: 'store-unreachable' } },
  },
] as const satisfies readonly CatalogueEntry[]

/** One of them, its name narrowed to the known ones. */
export type CustodianFault = (typeof custodianFaults)[number]

/** The name of one of them. */
export type CustodianFaultName = CustodianFault['name']

/** The names, in the order of the catalogue. */
export const custodianFaultNames: readonly CustodianFaultName[] = custodianFaults.map(fault => fault.name)

/** The fault with this name, or undefined. */
export function findCustodianFault(name: string): (CatalogueEntry & { readonly name: CustodianFaultName }) | undefined {
  return custodianFaults.find(fault => fault.name === name)
}
