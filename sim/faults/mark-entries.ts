import type { CatalogueEntry } from './catalogue-entry.ts'
import { expecting, mismatch, rowsMissing } from './expectation.ts'

/** Faults of mark cycles: each begins with a cycle and is in every one after it, since a check looks at the newest. */
export const markFaults = [
  {
    name: 'wrong-mark-for-one-account',
    summary: 'from a cycle on, one position is marked at a price that is higher by the smallest step there is',
    plantedIn: 'sink',
    suits: 'mark cycle',
    visible: true,
    repairable: false,
    expect: expecting({ 'pnl-is-zero-sum': mismatch }),
  },
  {
    name: 'wrong-mark-for-all',
    summary:
      'from a cycle on, all positions in one symbol are marked at the same wrong price: every sum is still zero, so that nobody can see it',
    plantedIn: 'sink',
    suits: 'mark cycle',
    visible: false,
    repairable: false,
    expect: expecting({}),
  },
  {
    name: 'mark-missing-account',
    summary: 'from a cycle on, one account is left out, and the watermarks do not count it',
    plantedIn: 'sink',
    suits: 'mark cycle',
    visible: true,
    repairable: false,
    expect: expecting({ 'pnl-is-zero-sum': mismatch }),
  },
  {
    name: 'half-written-mark-cycle',
    summary: 'from a cycle on, the second half of the marks is never written, and the watermarks count it',
    plantedIn: 'sink',
    suits: 'mark cycle',
    visible: true,
    repairable: false,
    expect: expecting({ 'pnl-is-zero-sum': rowsMissing }),
  },
  {
    name: 'wrong-realized-in-marks',
    summary: 'from a cycle on, the realized PnL of one mark is higher by the smallest amount there is',
    plantedIn: 'sink',
    suits: 'mark cycle',
    visible: true,
    repairable: false,
    expect: expecting({ 'pnl-is-zero-sum': mismatch }),
  },
  {
    name: 'mark-cycle-without-watermark',
    summary: 'from a cycle on, no cycle is vouched for, whole though they are: the check goes by the one before',
    plantedIn: 'sink',
    suits: 'mark cycle',
    visible: false,
    repairable: false,
    expect: expecting({}),
  },
] as const satisfies readonly CatalogueEntry[]
