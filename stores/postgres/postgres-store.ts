/** Where a PostgreSQL store is and how long to wait for it. */
export interface PostgresStore {
  /** How messages and evidence call it, as `postgres`. */
  readonly name: string
  readonly url: string
  /** Bound on getting a connection. */
  readonly connectTimeoutMs: number
  /** Bound on any one statement, enforced by the server. */
  readonly statementTimeoutMs: number
}
