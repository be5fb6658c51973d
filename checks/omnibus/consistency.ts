import { isZeroDecimal, parseDecimal } from '../../epoch/decimal.ts'
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

/**
 * The assets in which the custodian's answer contradicts itself: its list and its balances are separate requests, so that one may be behind the
 * other. Where a movement of an unknown type has moved an asset, nothing can be said, since it is not known which way.
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
  const unknown = new Set(movements.filter(movement => isUnclassified(movement, terms.classification)).map(({ asset }) => asset))
  return gaps.assets
    .filter(asset => !unknown.has(asset) && !isZeroDecimal(parseDecimal(gaps.of(asset))))
    .map(asset => ({ asset, amount: gaps.of(asset) }))
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
