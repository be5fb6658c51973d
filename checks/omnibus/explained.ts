/** Why custody and books may differ and be right. The amounts of `network-fee` and `classified` are cumulative since the opening. */
export const EXPLANATION_KINDS = [
  'deposit-in-flight',
  'withdrawal-in-flight',
  'refund-due',
  'withdrawal-ahead-of-books',
  'network-fee',
  'classified',
] as const

/** One of `EXPLANATION_KINDS`. */
export type ExplanationKind = (typeof EXPLANATION_KINDS)[number]

/** One amount by which the custodian rightly differs from the books: custody = opening + books + the sum of these, per asset. */
export interface Explained {
  /** The reference of the transfer, or the id of the movement where no transfer names it. */
  readonly reference: string
  readonly kind: ExplanationKind
  readonly asset: string
  /** Exact decimal text, signed as it is added to the books. */
  readonly amount: string
  /** How long it has been on its way at the custodian's answer, never negative; 0 for what waits for nothing. */
  readonly ageMs: number
}
