import { type Decimal, formatDecimal, isZeroDecimal, multiplyDecimals, parseDecimal, subtractDecimals } from '../../epoch/decimal.ts'
import type { NamedFields } from '../../epoch/mismatch.ts'
import type { Finding } from '../run.ts'
import { ONE, tryParseUnits } from './units.ts'

/** What is wrong with a mark, or with the lack of one. */
export type MarkFindingKind =
  | 'mark-missing'
  | 'mark-unexpected'
  | 'mark-price-differs'
  | 'mark-epoch-differs'
  | 'unrealized-differs'
  | 'realized-differs'
  | 'conflicting-duplicate'

/** One row of a mark cycle; amounts are exact decimal text. */
export interface Mark {
  readonly markPrice: string
  readonly realizedPnl: string
  readonly unrealizedPnl: string
  /** The stream and sequence that it was computed at, where those are not the cycle's; else empty. */
  readonly strayedTo: string
}

/** A position as of the cycle's epoch. */
export interface PositionAsOf {
  readonly quantity: string
  readonly costBasis: string
  readonly realizedPnl: string
}

/** All that the stores say of one account and symbol. */
export interface MarkedKey {
  readonly symbol: string | null
  /** The account and the symbol, for a finding. */
  readonly named: () => NamedFields
  readonly mark: Mark | undefined
  readonly position: PositionAsOf | undefined
  /** The sum of the realized_pnl transactions as of the cycle's epoch. */
  readonly transactions: string | undefined
}

/** What the marks of a symbol are computed at: as text, and in units of 10^-18 where it has no more places. */
export interface SymbolPrice {
  readonly text: string
  readonly units: bigint | undefined
}

const NOTHING: readonly MarkFinding[] = []

/** A finding whose kind is one of this check's. */
export type MarkFinding = Finding & { readonly kind: MarkFindingKind }

/**
 * Judges one account and symbol: the mark must be there exactly if the position is, at the price that the symbol's marks have, with the unrealized PnL that
 * position and price come to, and with the realized PnL of position and transactions. Unrealized PnL is recomputed at the row's own price, so that a wrong
 * price is told as that and not as a wrong figure.
 */
export function judgeMark(key: MarkedKey, price: SymbolPrice): readonly MarkFinding[] {
  const { mark, position } = key
  if (isPlainlyRight(key, price)) return NOTHING
  if (mark === undefined) return judgeUnmarked(key)
  const found: MarkFinding[] = []
  if (mark.strayedTo !== '') found.push(finding(key, 'mark-epoch-differs', { computed_at: mark.strayedTo }))
  if (mark.markPrice !== price.text)
    found.push(finding(key, 'mark-price-differs', { mark_price: mark.markPrice, price_of_the_others: price.text }))
  if (position === undefined) {
    const { markPrice, realizedPnl, unrealizedPnl } = mark
    return [...found, finding(key, 'mark-unexpected', { mark_price: markPrice, realized_pnl: realizedPnl, unrealized_pnl: unrealizedPnl })]
  }
  const expected = unrealizedOf(position, mark.markPrice)
  const difference = subtractDecimals(parseDecimal(mark.unrealizedPnl), expected)
  if (!isZeroDecimal(difference)) {
    found.push(
      finding(key, 'unrealized-differs', {
        unrealized_pnl: mark.unrealizedPnl,
        expected: formatDecimal(expected),
        difference: formatDecimal(difference),
        quantity: position.quantity,
        cost_basis: position.costBasis,
        mark_price: mark.markPrice,
      }),
    )
  }
  const transactions = key.transactions ?? '0'
  if (!sameAmount(mark.realizedPnl, position.realizedPnl) || !sameAmount(mark.realizedPnl, transactions)) {
    found.push(finding(key, 'realized-differs', { marks: mark.realizedPnl, positions: position.realizedPnl, transactions }))
  }
  return found
}

/** Judges a second, different row under the address of a mark. */
export function conflictingMark(key: Pick<MarkedKey, 'named'>, mark: Mark): MarkFinding {
  const { markPrice, realizedPnl, unrealizedPnl } = mark
  return finding(key, 'conflicting-duplicate', { mark_price: markPrice, realized_pnl: realizedPnl, unrealized_pnl: unrealizedPnl })
}

/** Whether nothing is wrong, by the shortest way there is; false says nothing. */
function isPlainlyRight({ mark, position, transactions }: MarkedKey, price: SymbolPrice): boolean {
  if (mark === undefined || position === undefined || mark.strayedTo !== '' || mark.markPrice !== price.text) return false
  if (mark.realizedPnl !== position.realizedPnl || mark.realizedPnl !== transactions) return false
  const [quantity, cost] = [tryParseUnits(position.quantity), tryParseUnits(position.costBasis)]
  const unrealized = tryParseUnits(mark.unrealizedPnl)
  if (quantity === undefined || cost === undefined || unrealized === undefined || price.units === undefined) return false
  return quantity * price.units === (unrealized + cost) * ONE
}

function judgeUnmarked(key: MarkedKey): readonly MarkFinding[] {
  const { position, transactions } = key
  if (position !== undefined) {
    const { quantity, costBasis, realizedPnl } = position
    return [finding(key, 'mark-missing', { quantity, cost_basis: costBasis, realized_pnl: realizedPnl })]
  }
  if (transactions === undefined || isZeroDecimal(parseDecimal(transactions))) return []
  return [finding(key, 'realized-differs', { marks: null, positions: null, transactions })]
}

function unrealizedOf({ quantity, costBasis }: PositionAsOf, price: string): Decimal {
  return subtractDecimals(multiplyDecimals(parseDecimal(quantity), parseDecimal(price)), parseDecimal(costBasis))
}

function sameAmount(a: string, b: string): boolean {
  return a === b || isZeroDecimal(subtractDecimals(parseDecimal(a), parseDecimal(b)))
}

function finding({ named }: Pick<MarkedKey, 'named'>, kind: MarkFindingKind, detail: NamedFields): MarkFinding {
  return { kind, key: named(), detail }
}
