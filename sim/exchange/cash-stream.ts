import { accountName, INSURANCE_ACCOUNT } from './accounts.ts'
import { assets } from './instruments.ts'
import type { Market } from './market.ts'
import { purposes, randomAt } from './random.ts'

/** A deposit or a withdrawal, as the api-gateway is asked for it; its sequence is given when it is written. */
export interface Transfer {
  readonly transferId: string
  readonly accountId: string
  readonly asset: string
  readonly direction: 'deposit' | 'withdrawal'
  /** In units of 10^-18, above zero. */
  readonly amount: bigint
  readonly custodianReference: string
}

const REFUND_PREFIX = 'refund:'
const WITHDRAWAL_EVERY = 4n
// So many transfers after a withdrawal that fails comes its refund; the first of three deposits has that distance to a withdrawal.
const REFUND_AFTER = 20n * WITHDRAWAL_EVERY + 1n

/**
 * Transfer number `number`, from 1, a function of the market and the number alone. First the insurance account is funded in each asset, then the opening
 * deposits go round the accounts, then three deposits are followed by a withdrawal of a part of one of them, so nobody withdraws what was not deposited. Where
 * withdrawals fail, their refunds take the places of deposits.
 */
export function transferAt(market: Market, number: bigint): Transfer {
  const insured = assets[Number(number - 1n)]
  if (insured !== undefined) return transfer(number, INSURANCE_ACCOUNT, insured, 'deposit', 1_000_000n * 10n ** 18n + 1n)
  const opening = number - BigInt(assets.length) - 1n
  const random = randomAt(market.seed, purposes.transfer, number)
  const amount = BigInt(1 + random.below(10_000)) * 10n ** 18n + BigInt(random.below(1_000_000)) * (random.oneIn(3) ? 1n : 10n ** 12n)
  const asset = assets[random.below(assets.length)] ?? assets[0]
  if (opening < BigInt(market.spec.openingDeposits))
    return transfer(number, accountName(Number(opening % BigInt(market.spec.accounts))), asset, 'deposit', amount)
  const place = (opening - BigInt(market.spec.openingDeposits)) % WITHDRAWAL_EVERY
  if (place === 0n && withdrawalFails(market, number - REFUND_AFTER)) {
    const { transferId, accountId, asset, amount } = transferAt(market, number - REFUND_AFTER)
    return { ...transfer(number, accountId, asset, 'deposit', amount), custodianReference: `${REFUND_PREFIX}${transferId}` }
  }
  if (place < WITHDRAWAL_EVERY - 1n) return transfer(number, accountName(random.below(market.spec.accounts)), asset, 'deposit', amount)
  const earlier = transferAt(market, number - 1n - BigInt(random.below(Number(WITHDRAWAL_EVERY) - 1)))
  const part = (earlier.amount * BigInt(1 + random.below(1000))) / 1000n
  return transfer(number, earlier.accountId, earlier.asset, 'withdrawal', part)
}

/** Whether transfer number `number` is a withdrawal that the custodian will not carry out, so that it is given back. */
export function withdrawalFails({ seed, spec }: Market, number: bigint): boolean {
  const regular = number - BigInt(assets.length + spec.openingDeposits) - 1n
  if (spec.failingWithdrawalsOneIn === 0 || regular < 0n || regular % WITHDRAWAL_EVERY !== WITHDRAWAL_EVERY - 1n) return false
  return randomAt(seed, purposes.refund, number).oneIn(spec.failingWithdrawalsOneIn)
}

/** The id of the withdrawal that a transfer gives back, or undefined for one that is no refund. */
export function refundedId({ custodianReference }: Transfer): string | undefined {
  return custodianReference.startsWith(REFUND_PREFIX) ? custodianReference.slice(REFUND_PREFIX.length) : undefined
}

/** The reference of the refund of a withdrawal. */
export function refundReference(transferId: string): string {
  return `${REFUND_PREFIX}${transferId}`
}

/** The number of a transfer of the stream, by its id. */
export function transferNumber(transferId: string): bigint {
  return BigInt(transferId.slice(1))
}

function transfer(number: bigint, accountId: string, asset: string, direction: Transfer['direction'], amount: bigint): Transfer {
  return { transferId: `C${number}`, accountId, asset, direction, amount, custodianReference: `custodian-${number}` }
}
