import { addDecimals, type Decimal, formatDecimal, isZeroDecimal, subtractDecimals, ZERO } from '../../epoch/decimal.ts'
import type { PositionValues } from '../../epoch/fact.ts'

/** Named amounts as canonical decimal text, as they stand in a document. */
export type AmountTexts = Readonly<Record<string, string>>

/** Whether two amounts are the same number, however they are written. */
export function sameAmount(a: Decimal, b: Decimal): boolean {
  return isZeroDecimal(subtractDecimals(a, b))
}

/** The sum of amounts. */
export function sumOf(amounts: readonly Decimal[]): Decimal {
  return amounts.reduce(addDecimals, ZERO)
}

/** The position of somebody who never traded. */
export const NO_POSITION: PositionValues = { quantity: ZERO, cost_basis: ZERO, realized_pnl: ZERO }

/** Adds two positions, value by value. */
export function addPositions(a: PositionValues, b: PositionValues): PositionValues {
  return combine(a, b, addDecimals)
}

/** Subtracts a position from another, value by value. */
export function subtractPositions(a: PositionValues, b: PositionValues): PositionValues {
  return combine(a, b, subtractDecimals)
}

/** Whether two positions are the same in all values. */
export function samePosition(a: PositionValues, b: PositionValues): boolean {
  return sameAmount(a.quantity, b.quantity) && sameAmount(a.cost_basis, b.cost_basis) && sameAmount(a.realized_pnl, b.realized_pnl)
}

/** Writes a position for a document. */
export function positionTexts({ quantity, cost_basis, realized_pnl }: PositionValues): AmountTexts {
  return { quantity: formatDecimal(quantity), cost_basis: formatDecimal(cost_basis), realized_pnl: formatDecimal(realized_pnl) }
}

function combine(a: PositionValues, b: PositionValues, how: (x: Decimal, y: Decimal) => Decimal): PositionValues {
  return {
    quantity: how(a.quantity, b.quantity),
    cost_basis: how(a.cost_basis, b.cost_basis),
    realized_pnl: how(a.realized_pnl, b.realized_pnl),
  }
}
