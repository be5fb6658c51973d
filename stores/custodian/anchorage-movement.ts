import type { TransactionAnswer } from './anchorage-answers.ts'
import type { CustodianMovement, MovementKind, MovementState } from './custodian.ts'

const KINDS: Readonly<Record<string, MovementKind>> = { DEPOSIT: 'deposit', WITHDRAW: 'withdrawal', TRANSFER: 'internal' }

const STATES = {
  INITIATING: 'pending',
  NEEDS_APPROVAL: 'pending',
  INPROGRESS: 'pending',
  SUCCESS: 'success',
  FAILURE: 'failed',
  REJECTED: 'failed',
  EXPIRED: 'failed',
} as const satisfies Record<TransactionAnswer['status'], MovementState>

/**
 * A transaction in the port's words. A transfer that names a vault which is not among `vaults` as its own comes from outside of what is reconciled: it is `other`
 * there, for the configuration to classify.
 */
export function movementOf(transaction: TransactionAnswer, listedIn: string, vaults: readonly string[]): CustodianMovement {
  const { transactionType, status, amount, fee } = transaction
  const kind = KINDS[transactionType] ?? 'other'
  return {
    id: transaction.id,
    vault: listedIn,
    kind: kind === 'internal' && !vaults.includes(transaction.vaultId) ? 'other' : kind,
    type: transactionType,
    state: STATES[status],
    status,
    asset: amount.assetType,
    amount: amount.quantity,
    fee: fee?.quantity ?? '0',
    feeAsset: fee?.assetType ?? amount.assetType,
    description: transaction.description ?? '',
    endedAt: transaction.dateTime ?? null,
  }
}
