import { balanced, conflict, expecting, type FaultExpectations, mismatch, rowsExtra, rowsMissing } from './expectation.ts'

interface CatalogueEntry {
  readonly name: string
  readonly summary: string
  /** Which part of the exchange commits the fault. */
  readonly plantedIn: 'engine' | 'sink' | 'cash' | 'stores' | 'engine and sink'
  /** What the fault needs to happen to: the first of these at or after the event that was asked for. */
  readonly suits: 'fill with a fee' | 'funding' | 'bust' | 'any event' | 'deposit'
  /** False where no comparison of PostgreSQL with ClickHouse can see it. */
  readonly visible: boolean
  /** True where `repairFault` heals it. */
  readonly repairable: boolean
  readonly expect: FaultExpectations
}

/** Every fault that the simulated exchange can be given, with what each check must make of it. */
export const faultCatalogue = [
  {
    name: 'lost-row',
    summary: 'the sink counts a transaction in its watermark and never writes it',
    plantedIn: 'sink',
    suits: 'fill with a fee',
    visible: true,
    repairable: true,
    expect: expecting({ 'transactions-balance': rowsMissing }),
  },
  {
    name: 'duplicate-row-different-amount',
    summary: 'a transaction is written a second time, with the same identity and another amount',
    plantedIn: 'sink',
    suits: 'fill with a fee',
    visible: true,
    repairable: true,
    expect: expecting({ 'transactions-balance': conflict }),
  },
  {
    name: 'altered-amount-by-1e-18',
    summary: 'the amount of a transaction is larger by the smallest amount there is',
    plantedIn: 'sink',
    suits: 'fill with a fee',
    visible: true,
    repairable: true,
    expect: expecting({ 'transactions-balance': mismatch }),
  },
  {
    name: 'sign-flipped',
    summary: 'a fee is written to ClickHouse as income',
    plantedIn: 'sink',
    suits: 'fill with a fee',
    visible: true,
    repairable: true,
    expect: expecting({ 'transactions-balance': mismatch }),
  },
  {
    name: 'wrong-account',
    summary: "a transaction is written under the counterparty's account",
    plantedIn: 'sink',
    suits: 'fill with a fee',
    visible: true,
    repairable: true,
    expect: expecting({ 'transactions-balance': mismatch }),
  },
  {
    name: 'wrong-asset',
    summary: 'a transaction is written in another asset',
    plantedIn: 'sink',
    suits: 'fill with a fee',
    visible: true,
    repairable: true,
    expect: expecting({ 'transactions-balance': mismatch }),
  },
  {
    name: 'rows-extra',
    summary: 'a transaction that is in no stream, and in no watermark, is written',
    plantedIn: 'sink',
    suits: 'fill with a fee',
    visible: true,
    repairable: true,
    expect: expecting({ 'transactions-balance': rowsExtra }),
  },
  {
    name: 'late-row-below-epoch',
    summary: 'a transaction comes one to two seconds after the watermark that vouches for it',
    plantedIn: 'sink',
    suits: 'fill with a fee',
    visible: true,
    repairable: false,
    expect: expecting({ 'transactions-balance': { ...balanced, heals: true } }),
  },
  {
    name: 'replayed-identical-row',
    summary: 'a transaction is written twice, identical in all its columns: delivery is at least once, so this is no fault',
    plantedIn: 'sink',
    suits: 'fill with a fee',
    visible: false,
    repairable: false,
    expect: expecting({ 'transactions-balance': balanced }),
  },
  {
    name: 'watermark-ahead-of-rows',
    summary: 'the watermark of a funding event is written, and none of its transactions',
    plantedIn: 'sink',
    suits: 'funding',
    visible: true,
    repairable: true,
    expect: expecting({ 'transactions-balance': rowsMissing }),
  },
  {
    name: 'watermark-stuck',
    summary: 'the watermark of the transactions of the dropcopy stands still, while rows go on coming',
    plantedIn: 'sink',
    suits: 'any event',
    visible: true,
    repairable: false,
    expect: expecting({ 'transactions-balance': { verdict: 'inconclusive', reasonCode: 'horizon-timeout' } }),
  },
  {
    name: 'watermarks-disagree',
    summary: 'every watermark of the transactions of the dropcopy has a twin that counts one row more',
    plantedIn: 'sink',
    suits: 'any event',
    visible: true,
    repairable: false,
    expect: expecting({ 'transactions-balance': { verdict: 'inconclusive', reasonCode: 'watermark-conflict' } }),
  },
  {
    name: 'bust-dropped-by-sink',
    summary: 'the sink ignores a bust',
    plantedIn: 'sink',
    suits: 'bust',
    visible: true,
    repairable: false,
    expect: expecting({ 'transactions-balance': mismatch }),
  },
  {
    name: 'bust-dropped-by-engine',
    summary: 'the trade-engine ignores a bust',
    plantedIn: 'engine',
    suits: 'bust',
    visible: true,
    repairable: false,
    expect: expecting({ 'transactions-balance': mismatch }),
  },
  {
    name: 'bust-dropped-by-both',
    summary: 'trade-engine and sink both ignore a bust: both stores are wrong, and agree',
    plantedIn: 'engine and sink',
    suits: 'bust',
    visible: false,
    repairable: false,
    expect: expecting({ 'transactions-balance': balanced }),
  },
  {
    name: 'stale-balance',
    summary: 'the trade-engine leaves one balance as it was, value and stamp, at a funding event',
    plantedIn: 'engine',
    suits: 'funding',
    visible: true,
    repairable: true,
    expect: expecting({ 'transactions-balance': mismatch }),
  },
  {
    name: 'double-applied-batch',
    summary: 'the trade-engine adds the balances of ten events twice',
    plantedIn: 'engine',
    suits: 'fill with a fee',
    visible: true,
    repairable: true,
    expect: expecting({ 'transactions-balance': mismatch }),
  },
  {
    name: 'torn-batch',
    summary: 'the trade-engine dies after its second commit, before the resume token, and stays down',
    plantedIn: 'engine',
    suits: 'fill with a fee',
    visible: true,
    repairable: false,
    expect: expecting({ 'transactions-balance': { verdict: 'inconclusive', reasonCode: 'torn-cut' } }),
  },
  {
    name: 'token-regressed',
    summary: 'the resume token goes back behind what was folded, and the trade-engine stays down',
    plantedIn: 'engine',
    suits: 'fill with a fee',
    visible: true,
    repairable: false,
    expect: expecting({
      'transactions-balance': {
        verdict: 'inconclusive',
        reasonCode: 'epoch-regression',
        needsState: true,
        reasonCodeWithoutState: 'torn-cut',
      },
    }),
  },
  {
    name: 'missing-account',
    summary: 'the row of a balance that is not zero vanishes from PostgreSQL',
    plantedIn: 'stores',
    suits: 'any event',
    visible: true,
    repairable: true,
    expect: expecting({ 'transactions-balance': mismatch }),
  },
  {
    name: 'phantom-account',
    summary: 'a balance that is not zero stands in PostgreSQL for an account without transactions',
    plantedIn: 'stores',
    suits: 'any event',
    visible: true,
    repairable: true,
    expect: expecting({ 'transactions-balance': mismatch }),
  },
  {
    name: 'lost-deposit-row',
    summary: 'the sink counts a deposit in its watermark and never writes it',
    plantedIn: 'sink',
    suits: 'deposit',
    visible: true,
    repairable: true,
    expect: expecting({ 'transactions-balance': rowsMissing }),
  },
  {
    name: 'deposit-applied-twice',
    summary: 'the cash writer adds a deposit to its balance twice',
    plantedIn: 'cash',
    suits: 'deposit',
    visible: true,
    repairable: true,
    expect: expecting({ 'transactions-balance': mismatch }),
  },
] as const satisfies readonly CatalogueEntry[]

/** One entry of the catalogue, its name narrowed to the known ones. */
export type Fault = (typeof faultCatalogue)[number]

/** The names of the catalogue. */
export type FaultName = Fault['name']

/** Every name, in the order of the catalogue. */
export const faultNames: readonly FaultName[] = faultCatalogue.map(fault => fault.name)

/** The entry with this name, or undefined for a name that is not in the catalogue. */
export function findFault(name: string): Fault | undefined {
  return faultCatalogue.find(fault => fault.name === name)
}

/** The entry with this name. */
export function faultNamed(name: FaultName): Fault {
  const fault = findFault(name)
  if (fault === undefined) throw new Error(`no fault is called ${name}`)
  return fault
}
