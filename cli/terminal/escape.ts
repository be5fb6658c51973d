/**
 * What may not reach a terminal raw: control characters (ANSI escapes begin with one), separators that break lines, formatting characters that
 * reorder or hide what follows, halves of surrogate pairs, and private or unassigned code points.
 */
const UNSAFE = /[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Cn}\p{Zl}\p{Zp}]/gu

/** Text from a store as it may be shown on one line: what is unsafe is written as `\n` or `\u{...}`; the rest stays as it is. */
export function escapeText(text: string): string {
  return text.replace(UNSAFE, escapeCharacter)
}

/** Several lines of text, such as a stack: line ends stay, everything else is escaped. */
export function escapeLines(text: string): string {
  return text.split('\n').map(escapeText).join('\n')
}

/**
 * A name from a store, so that two different names never look the same: bare where it is plain, else in double quotes with quotes and
 * backslashes escaped. NULL is `NULL`, and a name that reads NULL is quoted.
 */
export function escapeName(name: string | null): string {
  if (name === null) return 'NULL'
  const plain = /^[^\s"\\]+(?: [^\s"\\]+)*$/u.test(name) && name.search(UNSAFE) < 0 && name !== 'NULL' && name !== '-'
  return plain ? name : `"${escapeText(name.replace(/["\\]/g, '\\$&'))}"`
}

function escapeCharacter(character: string): string {
  const short = { '\n': '\\n', '\r': '\\r', '\t': '\\t' }[character]
  return short ?? `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`
}
