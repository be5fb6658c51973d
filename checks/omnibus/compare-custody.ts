import type { Canary, CanaryRow } from '../../epoch/canary.ts'
import { linesOfRows } from '../../epoch/compare-rows.ts'
import { addDecimals, formatDecimal, parseDecimal } from '../../epoch/decimal.ts'
import { compare } from '../../epoch/diff.ts'
import type { Comparison } from '../../epoch/mismatch.ts'
import type { Attempt } from '../check.ts'
import type { AssetCustody } from './match.ts'

const SHAPE = { keys: ['asset'], values: ['custody'], aggregating: true } as const

/**
 * Compares the two sides by the same merge as every other check. The canary went through the same arithmetic as an asset on the right; on the left it is
 * added here, since nobody can make a custodian carry it.
 */
export function compareCustody(custody: readonly AssetCustody[], { canary, options, scope }: Attempt): Promise<Comparison> {
  const { key, value } = canary.left
  const held = custody.filter(({ asset }) => asset !== key).map(({ asset, custodian }) => ({ asset, custody: custodian }))
  const left = linesOfRows([...held, { asset: key, custody: value }], SHAPE)
  const right = linesOfRows(
    custody.map(({ asset, books }) => ({ asset, custody: books })),
    SHAPE,
  )
  return compare(left, right, SHAPE, { maxMismatches: options.maxMismatches, signal: scope.signal, canary })
}

/** What the two legs of the right side must carry, so that balances minus realized PnL come to what the right side must say. */
export function canariesOf({ left, right }: Canary): { readonly books: CanaryRow; readonly realized: CanaryRow } {
  const books = formatDecimal(addDecimals(parseDecimal(right.value), parseDecimal(left.value)))
  return { books: { key: right.key, value: books }, realized: { key: right.key, value: left.value } }
}
