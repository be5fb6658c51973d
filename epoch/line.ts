/**
 * The canonical line: how every leg prints a row. Key fields, then value fields, tab-separated, ended by a line feed; control characters and
 * the backslash escaped, NULL as `\N`. It is the common part of PostgreSQL's COPY text format and ClickHouse's TabSeparated, so that two
 * equal rows are in all but a few cases the same bytes, and comparing a million of them is comparing memory (findings.md).
 */

/** One field of a line, unescaped; null is SQL's NULL. Bytes, because a store's text need not be valid UTF-8. */
export type Field = Uint8Array | null

/** Line feed: ends a line. */
export const LINE_FEED = 0x0a
const TAB = 0x09
const BACKSLASH = 0x5c
const CAPITAL_N = 0x4e

const ESCAPES: Readonly<Record<string, string>> = {
  '\b': '\\b',
  '\t': '\\t',
  '\n': '\\n',
  '\v': '\\v',
  '\f': '\\f',
  '\r': '\\r',
  '\\': '\\\\',
  '\0': '\\0',
}

// What stands behind a backslash in either store's format: PostgreSQL escapes the vertical tab, ClickHouse the quote and NUL. Any other byte stands for itself.
const UNESCAPED: Readonly<Record<number, number>> = { 98: 0x08, 116: 0x09, 110: 0x0a, 118: 0x0b, 102: 0x0c, 114: 0x0d, 48: 0x00 }

/** Writes one line from its fields, the line feed included. */
export function encodeLine(fields: readonly (string | null)[]): string {
  return `${fields.map(field => (field === null ? '\\N' : field.replace(/[\b\t\n\v\f\r\\\0]/g, char => ESCAPES[char] ?? char))).join('\t')}\n`
}

/** Splits one line (given without its line feed) into its unescaped fields. */
export function decodeLine(line: Uint8Array): Field[] {
  const fields: Field[] = []
  let start = 0
  for (let at = 0; at <= line.length; at++) {
    if (at < line.length && line[at] !== TAB) continue
    fields.push(decodeField(line.subarray(start, at)))
    start = at + 1
  }
  return fields
}

/** Reads a field as text for a report. In a field that is not UTF-8 the bytes above 0x7f, and backslashes, are written `\xHH`; keys are compared as bytes, never as this text. */
export function fieldText(field: Field): string | null {
  if (field === null) return null
  try {
    return strictUtf8.decode(field)
  } catch {
    return Array.from(field, byte =>
      byte < 0x80 && byte !== BACKSLASH ? String.fromCharCode(byte) : `\\x${byte.toString(16).padStart(2, '0')}`,
    ).join('')
  }
}

/** Orders two fields as both stores do: by their bytes, NULL last. */
export function compareFields(a: Field, b: Field): number {
  if (a === null) return b === null ? 0 : 1
  if (b === null) return -1
  return Buffer.compare(a, b)
}

const strictUtf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

function decodeField(raw: Uint8Array): Field {
  if (!raw.includes(BACKSLASH)) return raw
  if (raw.length === 2 && raw[0] === BACKSLASH && raw[1] === CAPITAL_N) return null
  const bytes = new Uint8Array(raw.length)
  let length = 0
  for (let at = 0; at < raw.length; at++) {
    const byte = raw[at] ?? 0
    if (byte !== BACKSLASH) {
      bytes[length++] = byte
      continue
    }
    const escaped = raw[++at] ?? BACKSLASH
    bytes[length++] = UNESCAPED[escaped] ?? escaped
  }
  return bytes.subarray(0, length)
}
