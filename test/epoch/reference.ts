/**
 * What the diff and the decimals must come to, worked out another way: by Map, by text, without any code of epoch/. Slow and plain on purpose.
 */

/** A row of the reference: one text or null per key and value. */
export interface PlainLine {
  readonly key: readonly (string | null)[]
  readonly values: readonly (string | null)[]
}

/** The two ways in which stores print a line. */
export type Dialect = 'postgres' | 'clickhouse'

const ESCAPED: Readonly<Record<Dialect, Readonly<Record<string, string>>>> = {
  postgres: { '\\': '\\\\', '\b': '\\b', '\f': '\\f', '\n': '\\n', '\r': '\\r', '\t': '\\t', '\v': '\\v' },
  clickhouse: { '\\': '\\\\', '\b': '\\b', '\f': '\\f', '\n': '\\n', '\r': '\\r', '\t': '\\t', '\0': '\\0', "'": "\\'" },
}

/** Prints a line as the store does: COPY text of PostgreSQL, TabSeparated of ClickHouse. */
export function printLine({ key, values }: PlainLine, dialect: Dialect): Buffer {
  const fields = [...key, ...values].map(field =>
    field === null ? '\\N' : Array.from(field, char => ESCAPED[dialect][char] ?? char).join(''),
  )
  return Buffer.from(`${fields.join('\t')}\n`)
}

/** Sorts as both stores do: by the bytes of the keys, field by field, NULL last. */
export function inByteOrder(lines: readonly PlainLine[]): readonly PlainLine[] {
  return [...lines].sort((a, b) => {
    for (const [at, left] of a.key.entries()) {
      const right = b.key[at] ?? null
      if (left === right) continue
      if (left === null) return 1
      if (right === null) return -1
      return Buffer.compare(Buffer.from(left), Buffer.from(right))
    }
    return 0
  })
}

/** One expected mismatch. */
export interface ExpectedMismatch {
  readonly key: readonly (string | null)[]
  readonly kind: 'value' | 'missing-left' | 'missing-right'
  /** Left minus right for each value that is a number on both sides, an absent side counting as zero; undefined where it is none. */
  readonly difference: readonly (string | undefined)[]
}

/** The mismatches of two sides, in the byte order of their keys, and how many keys there are. */
export function bruteForce(
  left: readonly PlainLine[],
  right: readonly PlainLine[],
  aggregating: boolean,
): { readonly keys: number; readonly mismatches: readonly ExpectedMismatch[] } {
  const index = (lines: readonly PlainLine[]) => new Map(lines.map(line => [JSON.stringify(line.key), line]))
  const [l, r] = [index(left), index(right)]
  const all = inByteOrder([...new Map([...l, ...r]).values()])
  const mismatches = all.flatMap(({ key }) => {
    const [a, b] = [l.get(JSON.stringify(key)), r.get(JSON.stringify(key))]
    const kind = a === undefined ? 'missing-left' : b === undefined ? 'missing-right' : 'value'
    const differs =
      a && b
        ? a.values.some((value, at) => plain(value) !== plain(b.values[at] ?? null))
        : !(aggregating && (a ?? b)?.values.every(value => plain(value) === '0'))
    const width = (a ?? b)?.values.length ?? 0
    const difference = Array.from({ length: width }, (_, at) =>
      subtractText(a ? (a.values[at] ?? null) : '0', b ? (b.values[at] ?? null) : '0'),
    )
    return differs ? [{ key, kind, difference } as const] : []
  })
  return { keys: all.length, mismatches }
}

/** The shortest way to write a number, by cutting zeros off its text; anything that is no number stays as it is. */
export function plain(text: string | null): string | null {
  if (text === null || !isNumber(text)) return text
  const magnitude = text.replace(/^[+-]/, '')
  const [whole = '', fraction = ''] = magnitude.split('.')
  const [w, f] = [whole.replace(/^0+/, '') || '0', fraction.replace(/0+$/, '')]
  const shortest = f === '' ? w : `${w}.${f}`
  return text.startsWith('-') && shortest !== '0' ? `-${shortest}` : shortest
}

/** a - b in the shortest text, at a fixed scale of 60 places; undefined where one is no number. */
export function subtractText(a: string | null, b: string | null): string | undefined {
  if (a === null || b === null || !isNumber(a) || !isNumber(b)) return undefined
  const difference = fixed(a) - fixed(b)
  const digits = String(difference < 0n ? -difference : difference).padStart(61, '0')
  return plain(`${difference < 0n ? '-' : ''}${digits.slice(0, -60)}.${digits.slice(-60)}`) ?? undefined
}

/** A number as units of 10^-60. */
export function fixed(text: string): bigint {
  const [whole = '', fraction = ''] = text.replace(/^[+-]/, '').split('.')
  const magnitude = BigInt(whole || '0') * 10n ** 60n + BigInt(fraction.padEnd(60, '0'))
  return text.startsWith('-') ? -magnitude : magnitude
}

function isNumber(text: string): boolean {
  const digits = text.replace(/^[+-]/, '').replace('.', '')
  return digits !== '' && [...digits].every(char => char >= '0' && char <= '9')
}
