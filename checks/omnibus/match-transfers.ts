import { compareDecimals, formatDecimal, parseDecimal, subtractDecimals } from '../../epoch/decimal.ts'
import type { CustodianMovement } from '../../stores/custodian/custodian.ts'
import { ageMs, stuckIfOld } from './age.ts'
import type { Explained } from './explained.ts'
import type { Finding } from './finding.ts'
import type { Pairing } from './pairing.ts'
import { refundedTransferId, type Transfer } from './transfer.ts'

/** What the transfers of the books explain of the difference, and what is wrong with them. */
export interface TransferMatch {
  readonly explained: readonly Explained[]
  readonly findings: readonly Finding[]
  /** Withdrawals that failed and were given back, each with its refund. */
  readonly refundOf: ReadonlyMap<Transfer, Transfer>
}

/**
 * Judges every transfer as of E by its movement at T. A deposit must have moved; a withdrawal that has not is on its way, or is due back once it has
 * failed, until its refund closes it.
 */
export function matchTransfers(
  transfers: readonly Transfer[],
  pairing: Pairing,
  { atMs, inFlightLimitMs }: { readonly atMs: number; readonly inFlightLimitMs: number },
): TransferMatch {
  const byId = new Map(transfers.map(transfer => [transfer.transferId, transfer]))
  const undisputed = transfers.filter(transfer => !pairing.disputed.has(transfer))
  const findings: Finding[] = []
  const explained: Explained[] = []
  const refundOf = new Map<Transfer, Transfer>()
  for (const transfer of undisputed) {
    const movement = pairing.movementOf.get(transfer)
    if (movement?.state === 'success') {
      findings.push(...amountMismatch(transfer, movement.amount, { movement_id: movement.id }))
    } else if (transfer.direction === 'deposit') {
      const withdrawalId = refundedTransferId(transfer)
      if (withdrawalId === undefined) {
        findings.push(notAtCustodian(transfer, movement))
        continue
      }
      const withdrawal = byId.get(withdrawalId)
      if (withdrawal && isDueBack(withdrawal, pairing) && withdrawal.asset === transfer.asset) refundOf.set(withdrawal, transfer)
      findings.push(...judgeRefund(transfer, withdrawal, pairing))
    }
  }
  for (const transfer of undisputed) {
    const movement = pairing.movementOf.get(transfer)
    if (transfer.direction !== 'withdrawal' || movement?.state === 'success' || refundOf.has(transfer)) continue
    const entry: Explained = {
      reference: transfer.reference,
      kind: movement?.state === 'failed' ? 'refund-due' : 'withdrawal-in-flight',
      asset: transfer.asset,
      amount: formatDecimal(parseDecimal(transfer.amount)),
      ageMs: ageMs(transfer.createdAtMs, atMs),
    }
    explained.push(entry)
    findings.push(
      ...stuckIfOld(entry, inFlightLimitMs, { transfer_id: transfer.transferId, status: movement?.status ?? 'not at the custodian' }),
    )
  }
  return { explained, findings, refundOf }
}

/** Whether a withdrawal has failed at the custodian, so that its account must have it back. */
function isDueBack(withdrawal: Transfer, { movementOf }: Pairing): boolean {
  return withdrawal.direction === 'withdrawal' && movementOf.get(withdrawal)?.state === 'failed'
}

function judgeRefund(refund: Transfer, withdrawal: Transfer | undefined, pairing: Pairing): readonly Finding[] {
  const { transferId, reference, asset, amount } = refund
  if (!withdrawal || !isDueBack(withdrawal, pairing)) {
    const movement = withdrawal && pairing.movementOf.get(withdrawal)
    const status = withdrawal ? (movement?.status ?? 'not at the custodian') : 'no such withdrawal in the books'
    return [{ kind: 'refund-not-due', key: { reference, asset }, detail: { transfer_id: transferId, amount, status } }]
  }
  if (withdrawal.asset !== asset) {
    const detail = { transfer_id: transferId, books: `${amount} ${asset}`, withdrawal: `${withdrawal.amount} ${withdrawal.asset}` }
    return [{ kind: 'asset-mismatch', key: { reference }, detail }]
  }
  return amountMismatch(refund, withdrawal.amount, { withdrawal_id: withdrawal.transferId })
}

function amountMismatch(
  { transferId, reference, asset, amount }: Transfer,
  due: string,
  other: Readonly<Record<string, string>>,
): readonly Finding[] {
  const [books, custodian] = [parseDecimal(amount), parseDecimal(due)]
  if (compareDecimals(books, custodian) === 0) return []
  const difference = formatDecimal(subtractDecimals(custodian, books))
  const detail = { transfer_id: transferId, ...other, books: formatDecimal(books), custodian: formatDecimal(custodian), difference }
  return [{ kind: 'amount-mismatch', key: { reference, asset }, detail }]
}

function notAtCustodian({ transferId, reference, asset, amount }: Transfer, movement: CustodianMovement | undefined): Finding {
  const detail = { transfer_id: transferId, amount, status: movement?.status ?? 'not at the custodian' }
  return { kind: 'deposit-not-at-custodian', key: { reference, asset }, detail }
}
