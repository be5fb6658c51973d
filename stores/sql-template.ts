/** A place in SQL where a sequence goes: that of a stream in the epoch at which is compared, or in the horizon up to which rows are counted. */
export interface Placeholder {
  readonly of: 'epoch' | 'horizon'
  readonly stream: string
}

/** SQL with places for sequences, written `{epoch.dropcopy}` and `{horizon.dropcopy}`. */
export interface SqlTemplate {
  /** The SQL between the places, and the places. */
  readonly parts: readonly (string | Placeholder)[]
  /** What stands in braces and is no placeholder, and placeholders within quotes, where they would be text: as written. */
  readonly strays: readonly string[]
}

const TOKEN = /'[^']*'|"[^"]*"|`[^`]*`|\{[^{}]*\}|[{}]/g
const PLACEHOLDER = /^\{(epoch|horizon)\.([A-Za-z][A-Za-z0-9_-]*)\}$/

/** Finds the placeholders of SQL, outside of strings and quoted names. */
export function parseSqlTemplate(sql: string): SqlTemplate {
  const parts: (string | Placeholder)[] = []
  const strays: string[] = []
  let plainFrom = 0
  for (const { 0: token, index } of sql.matchAll(TOKEN)) {
    if (!token.startsWith('{') && token !== '}') {
      strays.push(...(token.match(/\{(?:epoch|horizon)\.[^{}]*\}/g) ?? []))
      continue
    }
    const [, of, stream = ''] = PLACEHOLDER.exec(token) ?? []
    if (of !== 'epoch' && of !== 'horizon') {
      strays.push(token)
      continue
    }
    parts.push(sql.slice(plainFrom, index), { of, stream })
    plainFrom = index + token.length
  }
  return { parts: [...parts, sql.slice(plainFrom)], strays }
}

/** The placeholders of a template, in their order. */
export function placeholdersOf({ parts }: SqlTemplate): readonly Placeholder[] {
  return parts.filter(part => typeof part !== 'string')
}

/** The SQL with something of the store's own in every place, such as the name of a bound parameter: never a value. */
export function renderTemplate({ parts }: SqlTemplate, nameOf: (placeholder: Placeholder) => string): string {
  return parts.map(part => (typeof part === 'string' ? part : nameOf(part))).join('')
}
