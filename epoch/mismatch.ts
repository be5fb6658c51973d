/** Named fields as text; null is NULL. */
export type NamedFields = Readonly<Record<string, string | null>>

/** One key on which the two sides differ. `difference` is left minus right, for each value that is a number on both sides. */
export interface Mismatch {
  readonly key: NamedFields
  readonly kind: 'value' | 'missing-left' | 'missing-right'
  readonly left: NamedFields | null
  readonly right: NamedFields | null
  readonly difference: Readonly<Record<string, string>>
}

/** What came of comparing two legs: all keys of either side are counted, all mismatches counted, the first ones listed in key order. */
export interface Comparison {
  readonly keysCompared: bigint
  readonly mismatchCount: bigint
  readonly mismatches: readonly Mismatch[]
  /** Whether the canary was found as it was planted; absent where none was asked for. Neither counted nor listed above. */
  readonly canaryFound?: boolean
}
