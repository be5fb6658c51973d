import type { FaultExpectations } from './expectation.ts'

/** A fault as docs/faults.md lists it, whichever part of the simulator can commit it. */
export interface DescribedFault {
  readonly name: string
  /** What happens. */
  readonly summary: string
  /** Who commits it. */
  readonly plantedIn: string
  /** True where the simulator can heal it. */
  readonly repairable: boolean
  readonly expect: FaultExpectations
}

/** A fault that the simulated exchange can be given. */
export interface CatalogueEntry extends DescribedFault {
  readonly plantedIn: 'engine' | 'sink' | 'cash' | 'stores' | 'engine and sink'
  /**
   * What the fault needs to happen to: the first of these at or after the event that was asked for. The last fill is one after which its position is not traded any
   * more, and the earlier fill one that is not the last; where the exchange has no end, any fill is either.
   */
  readonly suits:
    | 'fill with a fee'
    | 'closing fill'
    | 'last fill'
    | 'earlier fill'
    | 'funding'
    | 'bust'
    | 'any event'
    | 'deposit'
    | 'mark cycle'
  /** True where at least one of the checks can see it. */
  readonly visible: boolean
  /** True where `repairFault` heals it. */
  readonly repairable: boolean
}
