import type { CustodianFaultName } from './catalogue.ts'

/** How to plant a fault; everything may be left out. */
export interface StrikeOptions {
  /** Which movement: the one that belongs to this reference; the newest that suits unless given. */
  readonly reference?: string
  /** How long ago the fault has happened, so that a limit is reached without waiting; for movements that the fault adds or ends. */
  readonly ageMs?: number
  /** For list-lags-balance: how long the list lags, 3000 ms unless given. */
  readonly lagMs?: number
  /** For custodian-rate-limit: how many requests are refused (3), and how long they are told to wait (1 s). */
  readonly requests?: number
  readonly retryAfterSeconds?: number
  /** Ends the wait for a movement that suits; after ten seconds unless given. */
  readonly signal?: AbortSignal
}

/** What a fault did, told by the one who did it and not by a checker. */
export interface StruckCustodian {
  readonly fault: CustodianFaultName
  /** What is concerned; absent where the answers are, and not what they say. */
  readonly movement?: StruckMovement
  /** For a fault in the books: the number of the transfer in the cash stream that commits it. It is committed once the books have come to it. */
  readonly cashSequence?: bigint
  /** Takes it back; absent where that cannot be done. */
  readonly heal?: () => void
}

/** The movement that a fault concerns; amounts are decimal text. */
export interface StruckMovement {
  readonly id: string
  /** What ties it, or tied it before the fault, to a transfer of the exchange. */
  readonly reference: string
  readonly asset: string
  readonly amount: string
  /** What the residual of the asset must come to: custodian - opening - books - what is rightly on its way. */
  readonly residual: string
}
