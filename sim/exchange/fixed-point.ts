// The simulator has its own decimals on purpose: the checker's (epoch/decimal.ts) are what it is there to test.

/** Prints units of 10^-18 as canonical decimal text: no exponent, no trailing zeros, no `-0`. */
export function moneyText(units: bigint): string {
  return fixedText(units, 18)
}

/** Prints units of 10^-9 as canonical decimal text. */
export function quantityText(units: bigint): string {
  return fixedText(units, 9)
}

/** Reads decimal text of at most 18 places into units of 10^-18; anything else is an error. */
export function parseMoney(text: string): bigint {
  return parseFixed(text, 18)
}

/** Reads decimal text of at most 9 significant places into units of 10^-9; zeros beyond the ninth are dropped. */
export function parseQuantity(text: string): bigint {
  return parseFixed(text, 9)
}

function fixedText(units: bigint, places: number): string {
  if (units === 0n) return '0'
  const digits = (units < 0n ? -units : units).toString().padStart(places + 1, '0')
  const fraction = digits.slice(-places).replace(/0+$/, '')
  return `${units < 0n ? '-' : ''}${digits.slice(0, -places)}${fraction === '' ? '' : `.${fraction}`}`
}

function parseFixed(text: string, places: number): bigint {
  const parts = /^(-?)(\d+)(?:\.(\d+?)0*)?$/.exec(text)
  const whole = parts?.[2]
  const fraction = parts?.[3] ?? ''
  if (parts === null || whole === undefined || fraction.length > places)
    throw new Error(`${JSON.stringify(text)} is not a decimal with at most ${places} places`)
  const units = BigInt(whole + fraction.padEnd(places, '0'))
  return parts[1] === '-' ? -units : units
}
