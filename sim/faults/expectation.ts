/** The invariants of the product, in the order in which they are shown. Names alone: nothing here loads a check, or a driver. */
export const checkNames = [
  'transactions-balance',
  'position-realized-pnls-balance',
  'positions-match',
  'omnibus-balances-square',
  'pnl-is-zero-sum',
] as const

/** The name of one of them. */
export type CheckName = (typeof checkNames)[number]

/** The reason codes that a fault of the simulator can lead to. */
export type FaultReason =
  | 'balanced'
  | 'value-mismatch'
  | 'rows-missing'
  | 'rows-extra'
  | 'conflicting-duplicate'
  | 'stuck-transfer'
  | 'unknown-movement'
  | 'torn-cut'
  | 'horizon-timeout'
  | 'watermark-conflict'
  | 'epoch-regression'
  | 'store-unreachable'
  | 'custodian-inconsistent'
  | 'store-error'

/** What a check must say about an exchange that has a fault in it. */
export interface FaultExpectation {
  readonly verdict: 'balanced' | 'diff' | 'inconclusive'
  readonly reasonCode: FaultReason
  /** The difference goes by itself: a check that waits long enough is balanced. */
  readonly heals?: boolean
  /** Only a check that has recon's own database can say this; without it, it says that. */
  readonly withoutState?: Pick<FaultExpectation, 'verdict' | 'reasonCode'>
  /** It says so once the fault has stood longer than this limit of the configuration, and `before` until then. */
  readonly after?: string
  readonly before?: Pick<FaultExpectation, 'verdict' | 'reasonCode'>
  /** What is said of a fault that heals by a check that does not wait long enough; unless given, rows-missing. */
  readonly impatient?: Pick<FaultExpectation, 'verdict' | 'reasonCode'>
}

/** What each of the checks must say. */
export type FaultExpectations = Readonly<Record<CheckName, FaultExpectation>>

/** There is nothing to see for the check, or it cannot see it. */
export const balanced: FaultExpectation = { verdict: 'balanced', reasonCode: 'balanced' }

/** A key has two values. */
export const mismatch: FaultExpectation = { verdict: 'diff', reasonCode: 'value-mismatch' }

/** Fewer rows than a watermark vouches for. */
export const rowsMissing: FaultExpectation = { verdict: 'diff', reasonCode: 'rows-missing' }

/** More rows than a watermark vouches for. */
export const rowsExtra: FaultExpectation = { verdict: 'diff', reasonCode: 'rows-extra' }

/** Two facts under one content address. */
export const conflict: FaultExpectation = { verdict: 'diff', reasonCode: 'conflicting-duplicate' }

/** State rows are stamped above the epoch. */
export const tornCut: FaultExpectation = { verdict: 'inconclusive', reasonCode: 'torn-cut' }

/** The epoch lies below one that an earlier run has seen. */
export const regressed: FaultExpectation = { verdict: 'inconclusive', reasonCode: 'epoch-regression' }

/** What is stated, and of every other check that it is balanced: it reads nothing that the fault touches, or cannot see it. */
export function expecting(stated: Partial<FaultExpectations>): FaultExpectations {
  const untouched: FaultExpectations = {
    'transactions-balance': balanced,
    'position-realized-pnls-balance': balanced,
    'positions-match': balanced,
    'omnibus-balances-square': balanced,
    'pnl-is-zero-sum': balanced,
  }
  return { ...untouched, ...stated }
}

/** True where a check that meets the fault says anything but balanced, or says so only once the fault has gone. */
export function sees({ verdict, heals = false }: FaultExpectation): boolean {
  return verdict !== 'balanced' || heals
}
