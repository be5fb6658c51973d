/** What an account holds of one symbol; quantity and cost basis are negative when short. */
export interface Position {
  /** In units of 10^-9. */
  readonly quantity: bigint
  /** In units of 10^-18. */
  readonly costBasis: bigint
  /** Since the beginning, in units of 10^-18. */
  readonly realizedPnl: bigint
}

/** A position after an execution, and what the execution realized, in units of 10^-18. */
export interface Folded {
  readonly position: Position
  readonly realized: bigint
}

/** The position of somebody who never traded. */
export const flat: Position = { quantity: 0n, costBasis: 0n, realizedPnl: 0n }

/**
 * Folds one side of a fill into a position. `signedQuantity` (units of 10^-9) is negative for a sale, `price` is in units of 10^-9. What the fill closes
 * releases cost pro rata, rounded once, toward zero, to 18 places; the remainder stays in the position, and the last close releases all of it. What goes
 * through zero opens at the fill's price. Whatever the case, realized - cost basis moves by exactly -(signedQuantity * price), which is why PnL sums to zero.
 */
export function foldFill(position: Position, signedQuantity: bigint, price: bigint): Folded {
  const closes = position.quantity !== 0n && position.quantity < 0n !== signedQuantity < 0n
  if (!closes) return moved(position, signedQuantity, signedQuantity * price, 0n)
  const whole = magnitude(signedQuantity) >= magnitude(position.quantity)
  const closed = whole ? -position.quantity : signedQuantity
  const released = whole ? position.costBasis : (position.costBasis * -closed) / position.quantity
  const realized = -closed * price - released
  return moved(position, signedQuantity, (signedQuantity - closed) * price - released, realized)
}

/**
 * Takes one side of a fill back out of a position. `realizedThen` is what the fill realized when it was folded; exactly that, and the cost it moved, are
 * reversed. Where that leaves the account flat, cost that is left over is realized as well, since a flat position costs nothing. realized - cost basis
 * moves by exactly +(signedQuantity * price).
 */
export function foldBust(position: Position, signedQuantity: bigint, price: bigint, realizedThen: bigint): Folded {
  const costThen = signedQuantity * price + realizedThen
  const quantity = position.quantity - signedQuantity
  const leftOver = quantity === 0n ? position.costBasis - costThen : 0n
  return moved(position, -signedQuantity, -costThen - leftOver, -realizedThen - leftOver)
}

function moved(position: Position, quantity: bigint, costBasis: bigint, realized: bigint): Folded {
  return {
    position: {
      quantity: position.quantity + quantity,
      costBasis: position.costBasis + costBasis,
      realizedPnl: position.realizedPnl + realized,
    },
    realized,
  }
}

function magnitude(value: bigint): bigint {
  return value < 0n ? -value : value
}
