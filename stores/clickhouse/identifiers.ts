/** A table, with the database it is in; without one it is in the database that the connection's URL names. */
export interface TableName {
  readonly database: string | undefined
  readonly name: string
}

/** Quotes one identifier. */
export function quoteIdentifier(name: string): string {
  return `\`${name.replace(/[\\`]/g, '\\$&')}\``
}

/** Quotes a table name. */
export function quoteTable({ database, name }: TableName): string {
  return database === undefined ? quoteIdentifier(name) : `${quoteIdentifier(database)}.${quoteIdentifier(name)}`
}

/** Writes a table name for a person. */
export function showTable({ database, name }: TableName): string {
  return database === undefined ? name : `${database}.${name}`
}
