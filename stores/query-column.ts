/** A column of what a select gives, as the live store describes it. */
export interface QueryColumn {
  readonly name: string
  /** The type in the store's own words. */
  readonly type: string
  /** Whether it holds exact numbers: whole ones or decimals, and no floats. */
  readonly exact: boolean
  /** Whether it holds whole numbers only. */
  readonly whole: boolean
  /** Whether its values are written as text in the same way by every store, so that rows can be matched by it. */
  readonly matchable: boolean
}
