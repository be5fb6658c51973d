import { ReconError } from './recon-error.ts'

/** An exact decimal: `unscaled / 10^scale`. Of any size; never a float. */
export interface Decimal {
  readonly unscaled: bigint
  readonly scale: number
}

/** Zero, as a decimal without places. */
export const ZERO: Decimal = { unscaled: 0n, scale: 0 }

const DECIMAL = /^([+-]?)(\d*)(?:\.(\d*))?$/

/**
 * Reads plain decimal text (`-12.340`, `.5`, `7`); no exponent, no blanks, no `NaN`.
 * Returns undefined for anything else, since a store may hold `NaN`, which is a finding and not a crash.
 */
export function tryParseDecimal(text: string): Decimal | undefined {
  const match = DECIMAL.exec(text)
  if (!match) return undefined
  const [, sign = '', whole = '', fraction = ''] = match
  if (whole === '' && fraction === '') return undefined
  const magnitude = BigInt(whole + fraction)
  return { unscaled: sign === '-' ? -magnitude : magnitude, scale: fraction.length }
}

/** Reads plain decimal text; throws `ReconError` with code `invalid-decimal` for anything else. */
export function parseDecimal(text: string): Decimal {
  const decimal = tryParseDecimal(text)
  if (!decimal) throw new ReconError('invalid-decimal', `${JSON.stringify(text)} is not a plain decimal such as "-12.34"`)
  return decimal
}

/** Writes the canonical text: no exponent, no trailing zeros, no `-0`, no leading `+` or `.`. */
export function formatDecimal({ unscaled, scale }: Decimal): string {
  const digits = (unscaled < 0n ? -unscaled : unscaled).toString().padStart(scale + 1, '0')
  const whole = digits.slice(0, digits.length - scale)
  const fraction = digits.slice(digits.length - scale).replace(/0+$/, '')
  const text = fraction === '' ? whole : `${whole}.${fraction}`
  return unscaled < 0n ? `-${text}` : text
}

/** The canonical form of decimal text: equal amounts have equal text. Throws like `parseDecimal`. */
export function canonicalDecimal(text: string): string {
  return formatDecimal(parseDecimal(text))
}

/** `a + b`, exactly. */
export function addDecimals(a: Decimal, b: Decimal): Decimal {
  const [x, y, scale] = align(a, b)
  return { unscaled: x + y, scale }
}

/** `a - b`, exactly. */
export function subtractDecimals(a: Decimal, b: Decimal): Decimal {
  const [x, y, scale] = align(a, b)
  return { unscaled: x - y, scale }
}

/** `a * b`, exactly. */
export function multiplyDecimals(a: Decimal, b: Decimal): Decimal {
  return { unscaled: a.unscaled * b.unscaled, scale: a.scale + b.scale }
}

/** `-a`. */
export function negateDecimal({ unscaled, scale }: Decimal): Decimal {
  return { unscaled: -unscaled, scale }
}

/** Negative, zero or positive as `a` is less than, equal to or greater than `b`. */
export function compareDecimals(a: Decimal, b: Decimal): number {
  const [x, y] = align(a, b)
  return x < y ? -1 : x > y ? 1 : 0
}

/** Whether the amount is zero, however many places it is written with. */
export function isZeroDecimal({ unscaled }: Decimal): boolean {
  return unscaled === 0n
}

/** How many places the amount needs: 3 for `1.2340`. */
export function placesOf(decimal: Decimal): number {
  const [, fraction = ''] = formatDecimal(decimal).split('.')
  return fraction.length
}

function align(a: Decimal, b: Decimal): readonly [bigint, bigint, number] {
  const scale = Math.max(a.scale, b.scale)
  return [a.unscaled * 10n ** BigInt(scale - a.scale), b.unscaled * 10n ** BigInt(scale - b.scale), scale]
}
