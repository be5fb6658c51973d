import { setTimeout as delay } from 'node:timers/promises'
import { ReconError } from '../../../epoch/recon-error.ts'
import { refundReference } from '../../exchange/cash-stream.ts'
import { moneyText } from '../../exchange/fixed-point.ts'
import type { BooksLink } from '../books-link.ts'
import type { CustodianParts } from '../custodian-parts.ts'
import { endLife, planLife } from '../life.ts'
import type { SimMovement } from '../movement.ts'
import type { CustodianFaultName } from './catalogue.ts'
import type { StrikeOptions, StruckCustodian, StruckMovement } from './struck.ts'
import { referenceOf, type Victims, victimsIn } from './victims.ts'

const VICTIM_MS = 10_000
const LOOK_MS = 20
const LIST_LAG_MS = 3_000

/**
 * Plants a fault in a running custodian, and, where it needs them, in the books. Waits for a movement that suits. Throws a ReconError: `no-victim` where none comes,
 * `fault-needs-an-exchange`, `fault-beyond-the-end`.
 */
export async function strikeCustodian(
  parts: CustodianParts,
  books: BooksLink | undefined,
  fault: CustodianFaultName,
  options: StrikeOptions = {},
): Promise<StruckCustodian> {
  const { book } = parts
  const nowMs = parts.wallMs()
  const thenMs = nowMs - (options.ageMs ?? 0)

  const victim = async (choose: (victims: Victims) => SimMovement | undefined) => {
    const signal = options.signal ?? AbortSignal.timeout(VICTIM_MS)
    for (;;) {
      const found = choose(victimsIn(book, books, parts.wallMs(), options.reference))
      if (found !== undefined) return found
      if (signal.aborted) throw new ReconError('no-victim', `the custodian has no movement that suits ${fault}`, { cause: signal.reason })
      await delay(LOOK_MS, undefined, { signal }).catch(() => undefined)
    }
  }
  const told = (movement: SimMovement, residual: bigint): StruckMovement => ({
    id: movement.id,
    reference: referenceOf(movement, books),
    asset: movement.asset,
    amount: moneyText(movement.amount),
    residual: moneyText(residual),
  })
  const replace = (before: SimMovement, after: SimMovement) => {
    book.rewrite(movement => (movement.id === before.id ? after : movement))
    return () => book.rewrite(movement => (movement.id === after.id ? before : movement))
  }
  const append = (movement: SimMovement) => {
    book.add([movement])
    return () => book.rewrite(each => (each.id === movement.id ? { ...each, gone: true } : each))
  }

  switch (fault) {
    case 'missing-deposit-at-custodian': {
      const deposit = await victim(victims => victims.creditedDeposit())
      return { fault, movement: told(deposit, -deposit.amount), heal: replace(deposit, { ...deposit, gone: true }) }
    }
    case 'custodian-amount-off-by-smallest-unit': {
      const deposit = await victim(victims => victims.creditedDeposit())
      return { fault, movement: told(deposit, 1n), heal: replace(deposit, { ...deposit, amount: deposit.amount + 1n }) }
    }
    case 'reference-mismatch': {
      const deposit = await victim(victims => victims.creditedDeposit())
      const elsewhere = { ...deposit, id: `tx-elsewhere-${deposit.id}`, description: `elsewhere-${referenceOf(deposit, books)}` }
      // What is credited is not there, and what is there waits to be credited.
      return { fault, movement: told(deposit, -deposit.amount), heal: replace(deposit, elsewhere) }
    }
    case 'withdrawal-sent-twice': {
      const withdrawal = await victim(victims => victims.sentWithdrawal())
      const again = parts.make({
        type: 'WITHDRAW',
        order: {
          asset: withdrawal.asset,
          amount: moneyText(withdrawal.amount),
          reference: referenceOf(withdrawal, books),
          carriedAs: 'description',
          settleMs: 0,
          fee: '0',
          createdAtMs: thenMs,
        },
      })
      return { fault, movement: { ...told(withdrawal, -withdrawal.amount), id: again.id }, heal: append(again) }
    }
    case 'unknown-custodian-movement': {
      const unknown = parts.make({ type: 'MANUAL_ADJUSTMENT', direction: 'in', order: { ...loose(parts, fault, thenMs), amount: '12.5' } })
      return { fault, movement: told(unknown, unknown.amount), heal: append(unknown) }
    }
    case 'stuck-deposit': {
      const deposit = parts.make({ type: 'DEPOSIT', order: { ...loose(parts, fault, thenMs), amount: '34.000000000000000001' } })
      return { fault, movement: told(deposit, 0n), heal: append(deposit) }
    }
    case 'stuck-withdrawal': {
      const withdrawal = await victim(victims => victims.debitedWithdrawal())
      const beganMs = withdrawal.life[0]?.fromMs ?? nowMs
      const life = planLife('out', Math.min(beganMs, thenMs), 0, undefined)
      return { fault, movement: told(withdrawal, 0n), heal: replace(withdrawal, { ...withdrawal, life }) }
    }
    case 'failed-withdrawal-without-refund': {
      const withdrawal = await victim(victims => victims.debitedWithdrawal())
      return { fault, movement: told(withdrawal, 0n), heal: replace(withdrawal, failed(withdrawal, thenMs)) }
    }
    case 'failed-withdrawal-with-refund': {
      const withdrawal = await victim(victims => victims.debitedWithdrawal())
      const { transfer, link } = inBooks(books, fault, referenceOf(withdrawal, books))
      replace(withdrawal, failed(withdrawal, thenMs))
      const cashSequence = link.writeInstead({ ...transfer, custodianReference: refundReference(transfer.transferId) })
      return { fault, movement: told(withdrawal, 0n), cashSequence }
    }
    case 'deposit-credited-twice': {
      const deposit = await victim(victims => victims.creditedDeposit())
      const { transfer, link } = inBooks(books, fault, referenceOf(deposit, books))
      return { fault, movement: told(deposit, -deposit.amount), cashSequence: link.writeInstead(transfer) }
    }
    case 'network-fee': {
      const withdrawal = await victim(victims => victims.sentWithdrawal())
      const fee = withdrawal.fee + 3n * 10n ** 12n + 7n
      const { from } = withdrawal
      const charged = { ...withdrawal, fee, feeAsset: withdrawal.asset, ...(from === undefined ? {} : { feeFrom: from }) }
      return { fault, movement: told(withdrawal, 0n), heal: replace(withdrawal, charged) }
    }
    case 'list-lags-balance':
    case 'list-lags-balance-forever': {
      const moved = await victim(victims => victims.moved())
      const hiddenUntilMs = fault === 'list-lags-balance' ? parts.wallMs() + (options.lagMs ?? LIST_LAG_MS) : Number.POSITIVE_INFINITY
      return { fault, movement: told(moved, 0n), heal: replace(moved, { ...moved, hiddenUntilMs }) }
    }
    case 'malformed-json':
    case 'number-instead-of-string':
      parts.sabotage(fault)
      return { fault, heal: () => parts.sabotage(undefined) }
    case 'custodian-outage':
      parts.sabotage('outage')
      return { fault, heal: () => parts.sabotage(undefined) }
    case 'custodian-rate-limit':
      parts.rateLimit.refuseNext(options.requests ?? 3, options.retryAfterSeconds ?? 1)
      return { fault, heal: () => parts.rateLimit.refuseNext(0, 0) }
    default:
      return fault satisfies never
  }
}

/** A movement that no transfer of the exchange belongs to. */
function loose(parts: CustodianParts, fault: CustodianFaultName, createdAtMs: number) {
  const reference = `${fault}-${parts.made() + 1}`
  return { asset: parts.assets[0] ?? '', reference, carriedAs: 'description', settleMs: 0, createdAtMs } as const
}

function failed(withdrawal: SimMovement, atMs: number): SimMovement {
  return { ...withdrawal, life: endLife(withdrawal.life, 'FAILURE', atMs) }
}

function inBooks(books: BooksLink | undefined, fault: CustodianFaultName, reference: string) {
  if (books === undefined) throw new ReconError('fault-needs-an-exchange', `${fault} happens in the books too: it needs an exchange`)
  const transfer = books.transferOf(reference)
  if (transfer === undefined) throw new Error(`no transfer has the reference ${reference}`)
  return { transfer, link: books }
}
