import type { Sequence } from '../../epoch/epoch.ts'

/** A deposit or withdrawal in the books: one row of the cash stream (schema.md, `transfers`). */
export interface Transfer {
  readonly transferId: string
  readonly sequence: Sequence
  readonly asset: string
  readonly direction: 'deposit' | 'withdrawal'
  /** Exact decimal text, above zero. */
  readonly amount: string
  /** The id or the description of the custodian's movement that it belongs to; `refund:<transfer_id>` for a refund. */
  readonly reference: string
  /** Milliseconds since 1970. */
  readonly createdAtMs: number
}

const REFUND = 'refund:'

/** The withdrawal that a transfer gives back, by its transfer id; undefined where it is no refund. */
export function refundedTransferId({ direction, reference }: Transfer): string | undefined {
  return direction === 'deposit' && reference.startsWith(REFUND) ? reference.slice(REFUND.length) : undefined
}

/** The reference that the refund of a withdrawal carries. */
export function refundReference(transferId: string): string {
  return `${REFUND}${transferId}`
}
