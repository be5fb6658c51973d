/**
 * Whether text is one select that stays within the parentheses that it is put into, as far as its structure tells: no semicolon, no comment,
 * every quote closed, and no parenthesis closed that it has not opened. Whether it works, and gives one value, is for PostgreSQL to say.
 */
export function isOneSelect(sql: string): boolean {
  if (!/^\s*(select|with)\b/i.test(sql) || /;|--|\/\*/.test(sql)) return false
  // Whether a backslash escapes the quote after it depends on the server and on the kind of string.
  if (sql.includes("\\'")) return false
  let depth = 0
  for (const [token] of unquoted(sql)) {
    if (token === '(') depth++
    else if (token === ')') depth--
    // A quote that nobody closed, or the beginning of a dollar quote, which would hide what follows.
    else return false
    if (depth < 0) return false
  }
  return depth === 0
}

/** The parentheses and the open quotes outside of whole strings and quoted names; a doubled quote ends one string and begins the next. */
function unquoted(sql: string): IterableIterator<RegExpMatchArray> {
  return sql.replace(/'[^']*'|"[^"]*"/g, ' ').matchAll(/[()'"]|\$(?:[A-Za-z_\u0080-\uffff][\w\u0080-\uffff]*)?\$/g)
}
