import type { Transfer } from '../exchange/cash-stream.ts'

/** What a fault of the custodian can know of the exchange's books, and have written into them. */
export interface BooksLink {
  /** Whether the books have the transfer with this reference already. */
  readonly hasBooked: (reference: string) => boolean
  /** The transfer with this reference, as the books have it or will. */
  readonly transferOf: (reference: string) => Transfer | undefined
  /**
   * Has the books write this deposit in the place of one that the custodian has not announced yet; gives its number in the cash stream. Throws a ReconError
   * `fault-beyond-the-end` where no deposit is to come.
   */
  readonly writeInstead: (deposit: Omit<Transfer, 'transferId' | 'direction'>) => bigint
}
