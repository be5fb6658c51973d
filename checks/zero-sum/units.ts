const PLAIN = /^-?\d+(?:\.\d{1,18})?$/
const PLACES = 18

/** One, in units of 10^-18. */
export const ONE = 10n ** BigInt(PLACES)

/**
 * Decimal text of at most 18 places in units of 10^-18: what nearly all amounts are, at a fraction of the cost of a decimal of any scale. Undefined for any
 * other text, which is for `epoch/decimal.ts`.
 */
export function tryParseUnits(text: string): bigint | undefined {
  if (text === '0') return 0n
  if (!PLAIN.test(text)) return undefined
  const point = text.indexOf('.')
  return point === -1 ? BigInt(text) * ONE : BigInt(text.slice(0, point) + text.slice(point + 1).padEnd(PLACES, '0'))
}
