import { ReconError } from '../../epoch/recon-error.ts'

/** How large the books of one measurement are. */
export interface GrowthVolume {
  /** Balances, and as many positions: as many at every volume. */
  readonly keys: number
  /** Rows of transactions that come from trading; deposits and withdrawals come on top. */
  readonly transactions: number
  /** How many more of them come before the checks are timed. */
  readonly increment: number
}

/** Stretches of the two streams, as the first and the last sequence of each; a stretch whose last lies below its first is empty. */
export interface Stretch {
  readonly dropcopy: SequenceRange
  readonly cash: SequenceRange
}

/** From one sequence up to and with another. */
export interface SequenceRange {
  readonly first: number
  readonly last: number
}

/** Two rows of transactions stand at each sequence of the dropcopy: the two sides of a fill, or of a funding payment. */
const ROWS_AT_ONCE = 2
/** To so many rows from trading comes one deposit or withdrawal. */
const TRADING_TO_CASH = 500
const KEYS_AT_ONCE = 8

/** The history that is verified before the increment comes. */
export function historyOf({ transactions }: GrowthVolume): Stretch {
  return stretch(0, transactions)
}

/** What comes after it. */
export function incrementOf({ transactions, increment }: GrowthVolume): Stretch {
  return stretch(transactions, transactions + increment)
}

/** Throws `ReconError` code `invalid-volume` for books that cannot be made, such as those in which not every key would have a row. */
export function assertVolume({ keys, transactions, increment }: GrowthVolume): void {
  const problems = [
    keys > 0 && keys % KEYS_AT_ONCE === 0 ? '' : `${keys} keys are no multiple of ${KEYS_AT_ONCE}`,
    transactions >= keys ? '' : `${transactions} transactions are too few for a row of each of ${keys} keys`,
    [transactions, increment].every(rows => rows > 0 && rows % TRADING_TO_CASH === 0)
      ? ''
      : `transactions and increment must be multiples of ${TRADING_TO_CASH}`,
  ].filter(problem => problem !== '')
  if (problems.length > 0) throw new ReconError('invalid-volume', problems.join('; '))
}

function stretch(from: number, to: number): Stretch {
  return { dropcopy: range(from / ROWS_AT_ONCE, to / ROWS_AT_ONCE), cash: range(from / TRADING_TO_CASH, to / TRADING_TO_CASH) }
}

function range(before: number, last: number): SequenceRange {
  return { first: before + 1, last }
}
