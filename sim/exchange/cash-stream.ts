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

const WITHDRAWAL_EVERY = 4n

/**
 * Transfer number `number`, from 1, a function of the market and the number alone. First the insurance account is funded in each asset, then the opening
 * deposits go round the accounts, then three deposits are followed by a withdrawal of a part of one of them, so nobody withdraws what was not deposited.
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
  if (place < WITHDRAWAL_EVERY - 1n) return transfer(number, accountName(random.below(market.spec.accounts)), asset, 'deposit', amount)
  const earlier = transferAt(market, number - 1n - BigInt(random.below(Number(WITHDRAWAL_EVERY) - 1)))
  const part = (earlier.amount * BigInt(1 + random.below(1000))) / 1000n
  return transfer(number, earlier.accountId, earlier.asset, 'withdrawal', part)
}

function transfer(number: bigint, accountId: string, asset: string, direction: Transfer['direction'], amount: bigint): Transfer {
  return { transferId: `C${number}`, accountId, asset, direction, amount, custodianReference: `custodian-${number}` }
}
