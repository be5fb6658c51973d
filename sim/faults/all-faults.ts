import { custodianFaults } from '../custodian/faults/catalogue.ts'
import type { DescribedFault } from './catalogue-entry.ts'
import { expecting } from './expectation.ts'
import { markFaults } from './mark-entries.ts'
import { positionFaults } from './position-entries.ts'
import { stateFaults } from './state-entries.ts'
import { transactionFaults } from './transaction-entries.ts'

/** Every fault that the simulator can commit, by what it is in: what docs/faults.md lists. */
export const faultGroups: readonly { readonly title: string; readonly faults: readonly DescribedFault[] }[] = [
  { title: 'In the history of transactions', faults: transactionFaults },
  { title: "In the incumbent's state, and in those who fold it", faults: stateFaults },
  { title: 'In positions, and in what they realize', faults: positionFaults },
  { title: 'In mark cycles', faults: markFaults },
  {
    title: 'At the custodian',
    faults: custodianFaults.map(({ name, summary, needsBooks, healable, expect }) => ({
      name,
      summary,
      plantedIn: needsBooks ? 'custodian and cash' : 'custodian',
      repairable: healable,
      expect: expecting({ 'omnibus-balances-square': expect }),
    })),
  },
]

/** All of them, whichever part of the simulator commits them. */
export const allFaults: readonly DescribedFault[] = faultGroups.flatMap(({ faults }) => faults)
