import pg from 'pg'

/** Quotes one identifier. */
export function quoteIdentifier(name: string): string {
  return pg.escapeIdentifier(name)
}

/** Quotes a table name with its schema, if it has one. */
export function quoteTable(schema: string | undefined, name: string): string {
  return schema === undefined ? quoteIdentifier(name) : `${quoteIdentifier(schema)}.${quoteIdentifier(name)}`
}
