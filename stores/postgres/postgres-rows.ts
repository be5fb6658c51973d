import type { RowShape } from '../../epoch/row.ts'

/** A stream and the SQL scalar that tells how far PostgreSQL has folded it; no row and NULL count as 0. */
export interface StreamSource {
  readonly name: string
  readonly sql: string
}

/** The rows of a select in the form that the diff expects. */
export interface PostgresRows {
  /** A select with the columns of the shape, its keys as anything that casts to text, its values as numeric. */
  readonly rows: string
  readonly shape: RowShape
}
