import { z } from 'zod'
import { canonicalDecimal, tryParseDecimal } from '../../epoch/decimal.ts'
import { parseDuration } from './duration.ts'

/** A value of the file that `read` understands; anything else is refused by saying what was found and what would be right. */
export function leaf<T>(right: string, read: (value: unknown) => T | undefined): z.ZodType<T, unknown> {
  return z.unknown().transform((value, context): T => {
    const result = read(value)
    if (result !== undefined) return result
    context.addIssue({ code: 'custom', message: `${show(value)} is not ${right}` })
    return z.NEVER
  })
}

/** A duration, as milliseconds. */
export function duration(min: '0s' | '1ms' = '1ms') {
  const least = min === '0s' ? 0 : 1
  return leaf(`a duration such as 500ms, 30s, 5m or 2h${least > 0 ? ', above zero' : ''} (at most 596h)`, value => {
    const ms = typeof value === 'string' ? parseDuration(value) : undefined
    return ms !== undefined && ms >= least ? ms : undefined
  })
}

/** A whole number within bounds. */
export function wholeNumber(min: number, max: number) {
  return leaf(`a whole number from ${min} to ${max}`, value =>
    typeof value === 'number' && Number.isInteger(value) && value >= min && value <= max ? value : undefined,
  )
}

/** `true` or `false`, nothing that resembles them. */
export function flag() {
  return leaf('true or false', value => (typeof value === 'boolean' ? value : undefined))
}

/** One of the given words. */
export function oneOf<const Word extends string>(words: readonly Word[]) {
  return leaf(`one of: ${words.join(', ')}`, value => words.find(word => word === value))
}

/** Text that is not empty. */
export function text(right = 'text') {
  return leaf(right, value => (typeof value === 'string' && value.trim() !== '' ? value : undefined))
}

/** An exact decimal; it must stand in quotes, because YAML reads a bare one as a float. */
export function decimal() {
  return leaf('an exact decimal in quotes, such as "1250.75"', value =>
    typeof value === 'string' && tryParseDecimal(value) ? canonicalDecimal(value) : undefined,
  )
}

/** An unquoted SQL name: a letter or _, then letters, digits, _ or $; at most 63 characters. It is used exactly as written, case included. */
export function identifier() {
  return leaf('a column name (a letter or _, then letters, digits, _ or $; at most 63 in all)', value =>
    typeof value === 'string' && IDENTIFIER.test(value) ? value : undefined,
  )
}

/** `table` or `schema.table`, each an identifier. */
export function tableName() {
  return leaf('a table name, with its schema or database if it needs one, such as accounts.balances', value => {
    const parts = typeof value === 'string' ? value.split('.') : []
    const [first, second] = parts
    if (parts.length > 2 || first === undefined || !parts.every(part => IDENTIFIER.test(part))) return undefined
    return second === undefined ? { schema: undefined, name: first } : { schema: first, name: second }
  })
}

/** The name of a stream, as it stands in the stores. */
export function isStreamName(name: string): boolean {
  return /^[A-Za-z][A-Za-z0-9_-]{0,62}$/.test(name)
}

/** A five-field cron expression. */
export function cron() {
  return leaf('a cron expression of five fields, such as "*/5 * * * *"', value =>
    typeof value === 'string' && CRON.test(value.trim()) ? value.trim().replace(/\s+/g, ' ') : undefined,
  )
}

/** A time zone of the IANA database. */
export function timezone() {
  return leaf('a time zone such as UTC or US/Eastern', value => (typeof value === 'string' && isTimezone(value) ? value : undefined))
}

/** How a refused value is shown: short, on one line, and never mistaken for the words around it. */
export function show(value: unknown): string {
  if (value === undefined || value === null) return 'nothing'
  const shown = typeof value === 'bigint' ? value.toString() : JSON.stringify(value)
  return shown.length > 80 ? `${shown.slice(0, 77)}...` : shown
}

const IDENTIFIER = /^[A-Za-z_][A-Za-z0-9_$]{0,62}$/
const CRON = /^(?:[0-9*/,-]+\s+){3}[0-9A-Za-z*/,-]+\s+[0-9A-Za-z*/,#L-]+$/

function isTimezone(name: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: name })
    return true
  } catch {
    // Intl has no way to ask; a name that it does not know is a RangeError, which is the answer "no".
    return false
  }
}
