import { defaultLeadMs, type FollowingOptions } from '../exchange/exchange-options.ts'
import type { CashOrders } from '../exchange/messages.ts'
import type { Watch } from '../exchange/watch.ts'
import { custodianHandle, type SimCustodian } from './custodian.ts'
import { openCustodian } from './custodian-parts.ts'
import { followExchange } from './follow-exchange.ts'
import type { Followed } from './followed.ts'

/** The custodian of a running exchange. */
export interface ExchangeCustodian extends SimCustodian {
  /** Resolves when the custodian has taken every withdrawal that is booked, though not settled it; rejects when the exchange fails and when `signal` is aborted. */
  readonly caughtUp: (signal: AbortSignal) => Promise<void>
}

/** A custodian and its follower, for the exchange to begin and to end. */
export interface OpenExchangeCustodian {
  readonly orders: () => CashOrders
  readonly begin: () => Promise<void>
  readonly handle: (until: Watch['until']) => ExchangeCustodian
  readonly stop: () => Promise<void>
}

/** Opens a custodian that will follow an exchange. */
export async function openExchangeCustodian(
  { leadMs = defaultLeadMs, ...options }: FollowingOptions,
  followed: Omit<Followed, 'leadMs'>,
): Promise<OpenExchangeCustodian> {
  const parts = await openCustodian(options)
  const follower = followExchange(parts, { ...followed, leadMs })
  const handle = custodianHandle(parts, follower)
  return {
    orders: follower.orders,
    begin: follower.begin,
    handle: until => ({ ...handle, caughtUp: signal => until(follower.isCaughtUp, signal) }),
    stop: async () => {
      await follower.stop()
      await handle.stop()
    },
  }
}
