import type { Market } from '../exchange/market.ts'
import type { CashOrders } from '../exchange/messages.ts'
import type { Schedule } from '../exchange/schedule.ts'

/** What a custodian follows, and whom it tells. */
export interface Followed {
  readonly market: Market
  readonly postgresUrl: string
  readonly schedule: () => Schedule
  /** Up to which transfer the books have come. */
  readonly booked: () => bigint
  /** Tells the cash writer how far it may go, and what it writes instead. */
  readonly order: (cash: CashOrders) => void
  /** How long before it is due a deposit is announced. */
  readonly leadMs: number
  /** Is told when the custodian has taken more. */
  readonly news: () => void
  /** Is told when the following has failed. */
  readonly fail: (error: Error) => void
}
