import { addDecimals, type Decimal, isZeroDecimal, parseDecimal, subtractDecimals } from '../../epoch/decimal.ts'
import type { CustodianMovement } from '../../stores/custodian/custodian.ts'
import type { SettledSums } from '../../stores/state/settled-record.ts'
import { AssetSums } from './asset-sums.ts'
import type { OmnibusFacts, OmnibusTerms } from './facts.ts'
import { type Classification, directionOf, isUnclassified } from './movements.ts'

/** By how much the custodian's balance of an asset differs from what its own movements make of the opening balance. */
export interface CustodianGap {
  readonly asset: string
  /** Exact decimal text: the balance minus opening and movements. */
  readonly amount: string
}

/** Of more movements than these whose direction is not known, nobody tries which of them came in and which went out. */
const UNKNOWN_MAX = 6

/**
 * The assets in which the custodian's answer contradicts itself: its list and its balances are separate requests, so that one may be behind the
 * other. Which way a movement of an unknown type went is for the balance to say: it came in, went out, or moved nothing.
 */
export function gapsOf(facts: Pick<OmnibusFacts, 'balances' | 'movements' | 'settled'>, terms: OmnibusTerms): readonly CustodianGap[] {
  const { balances, movements, settled } = facts
  const gaps = new AssetSums()
  for (const { asset, total } of balances) gaps.add(asset, total)
  for (const [asset, amount] of Object.entries(terms.opening)) gaps.subtract(asset, amount)
  const moved = sumMovements(settled.sums, movements, terms.classification)
  for (const [asset, amount] of Object.entries(moved.deposits)) gaps.subtract(asset, amount)
  for (const [asset, amount] of Object.entries(moved.withdrawals)) gaps.add(asset, amount)
  for (const [asset, amount] of Object.entries(moved.fees)) gaps.add(asset, amount)
  for (const [asset, amount] of Object.entries(moved.classified)) gaps.subtract(asset, amount)
  const unknown = movements.filter(movement => isUnclassified(movement, terms.classification))
  return gaps.assets
    .map(asset => ({ asset, amount: gaps.of(asset) }))
    .filter(({ asset, amount }) => {
      const amounts = unknown.filter(movement => movement.asset === asset).map(movement => parseDecimal(movement.amount))
      return amounts.length <= UNKNOWN_MAX && !canCome(parseDecimal(amount), amounts)
    })
}

/** Whether some of the amounts, each added, taken away or left, come to the sum. */
function canCome(sum: Decimal, amounts: readonly Decimal[]): boolean {
  const [first, ...others] = amounts
  if (!first) return isZeroDecimal(sum)
  return canCome(sum, others) || canCome(subtractDecimals(sum, first), others) || canCome(addDecimals(sum, first), others)
}

/** Adds movements that have moved money to the sums of those that are settled. Movements of unknown types are left out, their fees are not. */
export function sumMovements(before: SettledSums, movements: readonly CustodianMovement[], classification: Classification): SettledSums {
  const sums = {
    deposits: sumsFrom(before.deposits),
    withdrawals: sumsFrom(before.withdrawals),
    fees: sumsFrom(before.fees),
    classified: sumsFrom(before.classified),
  }
  for (const movement of movements) {
    if (movement.state !== 'success') continue
    const { asset, amount, fee, feeAsset } = movement
    if (!isZeroDecimal(parseDecimal(fee))) sums.fees.add(feeAsset, fee)
    if (movement.kind === 'deposit') sums.deposits.add(asset, amount)
    if (movement.kind === 'withdrawal') sums.withdrawals.add(asset, amount)
    if (movement.kind !== 'other') continue
    const direction = directionOf(movement, classification)
    if (direction === 'in') sums.classified.add(asset, amount)
    if (direction === 'out') sums.classified.subtract(asset, amount)
  }
  return {
    deposits: sums.deposits.toJson(),
    withdrawals: sums.withdrawals.toJson(),
    fees: sums.fees.toJson(),
    classified: sums.classified.toJson(),
  }
}

function sumsFrom(amounts: Readonly<Record<string, string>>): AssetSums {
  const sums = new AssetSums()
  for (const [asset, amount] of Object.entries(amounts)) sums.add(asset, amount)
  return sums
}
