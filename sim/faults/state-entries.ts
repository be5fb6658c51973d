import type { CatalogueEntry } from './catalogue-entry.ts'
import { balanced, expecting, type FaultExpectation, mismatch, regressed, tornCut } from './expectation.ts'

function everyReaderOfBalances(expectation: FaultExpectation) {
  return expecting({ 'transactions-balance': expectation, 'omnibus-balances-square': expectation })
}

function everyReaderOfState(expectation: FaultExpectation) {
  return expecting({
    'transactions-balance': expectation,
    'positions-match': expectation,
    'omnibus-balances-square': expectation,
  })
}

/** Faults of the incumbent's state, and of those who fold it, with what each check must make of them. */
export const stateFaults = [
  {
    name: 'bust-dropped-by-sink',
    summary: 'the sink ignores a bust',
    plantedIn: 'sink',
    suits: 'bust',
    visible: true,
    repairable: false,
    expect: expecting({ 'transactions-balance': mismatch, 'positions-match': mismatch, 'omnibus-balances-square': mismatch }),
  },
  {
    name: 'bust-dropped-by-engine',
    summary: 'the trade-engine ignores a bust',
    plantedIn: 'engine',
    suits: 'bust',
    visible: true,
    repairable: false,
    expect: expecting({ 'transactions-balance': mismatch, 'positions-match': mismatch, 'omnibus-balances-square': mismatch }),
  },
  {
    name: 'bust-dropped-by-both',
    summary: 'trade-engine and sink both ignore a bust: both stores are wrong, and agree',
    plantedIn: 'engine and sink',
    suits: 'bust',
    visible: false,
    repairable: false,
    expect: expecting({}),
  },
  {
    name: 'stale-balance',
    summary: 'the trade-engine leaves one balance as it was, value and stamp, at a funding event',
    plantedIn: 'engine',
    suits: 'funding',
    visible: true,
    repairable: true,
    expect: everyReaderOfBalances(mismatch),
  },
  {
    name: 'double-applied-batch',
    summary: 'the trade-engine adds the balances of ten events twice',
    plantedIn: 'engine',
    suits: 'fill with a fee',
    visible: true,
    repairable: true,
    expect: everyReaderOfBalances(mismatch),
  },
  {
    name: 'torn-batch',
    summary: 'the trade-engine dies after its second commit, before the resume token, and stays down',
    plantedIn: 'engine',
    suits: 'fill with a fee',
    visible: true,
    repairable: false,
    expect: everyReaderOfState(tornCut),
  },
  {
    name: 'token-regressed',
    summary: 'the resume token goes back behind what was folded, and the trade-engine stays down',
    plantedIn: 'engine',
    suits: 'fill with a fee',
    visible: true,
    repairable: false,
    expect: expecting({
      'transactions-balance': { ...regressed, withoutState: tornCut },
      'positions-match': { ...regressed, withoutState: tornCut },
      'omnibus-balances-square': { ...regressed, withoutState: tornCut },
      // It reads no state that could be torn: without a memory of its own it is right about the earlier epoch.
      'position-realized-pnls-balance': { ...regressed, withoutState: balanced },
    }),
  },
  {
    name: 'missing-account',
    summary: 'the row of a balance that is not zero vanishes from PostgreSQL',
    plantedIn: 'stores',
    suits: 'any event',
    visible: true,
    repairable: true,
    expect: everyReaderOfBalances(mismatch),
  },
  {
    name: 'phantom-account',
    summary: 'a balance that is not zero stands in PostgreSQL for an account without transactions',
    plantedIn: 'stores',
    suits: 'any event',
    visible: true,
    repairable: true,
    expect: everyReaderOfBalances(mismatch),
  },
  {
    name: 'deposit-applied-twice',
    summary: 'the cash writer adds a deposit to its balance twice',
    plantedIn: 'cash',
    suits: 'deposit',
    visible: true,
    repairable: true,
    expect: everyReaderOfBalances(mismatch),
  },
] as const satisfies readonly CatalogueEntry[]
