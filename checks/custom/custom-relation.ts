/** A relation whose legs are SQL: what a deployment declares in its configuration instead of in TypeScript. */
export interface CustomRelation {
  readonly name: string
  readonly description: string
  readonly keys: readonly string[]
  readonly values: readonly string[]
  /** Where values are sums: a key with the value zero and a key that is absent are the same. */
  readonly aggregating: boolean
  /** The streams whose epoch it is compared at, with the SQL scalar that reads each from PostgreSQL. */
  readonly streams: Readonly<Record<string, string>>
  readonly left: CustomLeg
  readonly right: CustomLeg
}

/** One side: a select whose columns are the keys and values. */
export type CustomLeg = CustomSnapshot | CustomLog | CustomHistory

/** Current state of PostgreSQL, which brings the epoch. */
export interface CustomSnapshot {
  readonly store: 'postgres'
  readonly kind: 'snapshot'
  readonly sql: string
  /** A select of one row: the greatest stamp of any state row, a column per stream. Undefined where a batch cannot be half folded. */
  readonly stamps: string | undefined
}

/** A log in PostgreSQL whose order is commit order; its SQL names `{epoch.<stream>}` of each of these streams. */
export interface CustomLog {
  readonly store: 'postgres'
  readonly kind: 'as-of'
  readonly sql: string
  readonly streams: readonly string[]
}

/** Append-only tables of ClickHouse; the SQL names `{epoch.<stream>}` of each of these streams. */
export interface CustomHistory {
  readonly store: 'clickhouse'
  readonly kind: 'as-of'
  readonly sql: string
  readonly streams: readonly string[]
  readonly horizon: CustomHorizon
}

/** How it is known that ClickHouse shows everything up to the epoch. */
export type CustomHorizon =
  | {
      readonly strategy: 'watermark'
      /** The `table_name` under which the sink writes the watermarks. */
      readonly watermark: string
      /** For each stream a select of the number of distinct facts at or below `{horizon.<stream>}`. Undefined: nothing proves complete what is read. */
      readonly rows: Readonly<Record<string, string>> | undefined
    }
  | { readonly strategy: 'settle'; readonly settleMs: number }

/** The two sides under their names. */
export function sidesOf({ left, right }: CustomRelation): readonly (readonly ['left' | 'right', CustomLeg])[] {
  return [
    ['left', left],
    ['right', right],
  ]
}
