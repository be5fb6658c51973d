import type { CustodianBalance, CustodianMovement } from '../../stores/custodian/custodian.ts'
import type { SettledSums } from '../../stores/state/settled-record.ts'
import type { Classification } from './movements.ts'
import type { Transfer } from './transfer.ts'

/** What the books say of one asset as of E: the sum of its balances, and of its realized PnL, which trading has put into them. */
export interface AssetBooks {
  readonly asset: string
  readonly balances: string
  readonly realizedPnl: string
}

/** What the configuration says of the custodian. Amounts are exact decimal text by asset. */
export interface OmnibusTerms {
  /** What it held before the first movement. */
  readonly opening: Readonly<Record<string, string>>
  readonly classification: Classification
  /** How long a transfer may be on its way. */
  readonly inFlightLimitMs: number
}

/** Everything that one comparison of the custodian with the books is made of. */
export interface OmnibusFacts {
  /** When the custodian had answered, in milliseconds since 1970: ages count up to here. */
  readonly atMs: number
  readonly balances: readonly CustodianBalance[]
  /** The movements that are not settled, newest first in each vault. */
  readonly movements: readonly CustodianMovement[]
  readonly books: readonly AssetBooks[]
  /** The transfers as of E that are not settled. */
  readonly transfers: readonly Transfer[]
  /** What was booked after E, as far as it was asked for. */
  readonly laterTransfers: readonly Transfer[]
  readonly settled: {
    readonly sums: SettledSums
    /** Those of the settled movements and transfers that share a reference with what is not settled. They are in the sums and count no more. */
    readonly movements: readonly CustodianMovement[]
    readonly transfers: readonly Transfer[]
  }
}
