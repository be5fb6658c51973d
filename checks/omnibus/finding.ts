/** What is wrong between the custodian and the books, beside a sum that does not come out. */
export const FINDING_KINDS = [
  'deposit-not-at-custodian',
  'reference-used-twice',
  'direction-mismatch',
  'asset-mismatch',
  'amount-mismatch',
  'refund-not-due',
  'unknown-movement',
  'stuck-transfer',
  'custodian-gap',
] as const

/** One of `FINDING_KINDS`. */
export type FindingKind = (typeof FINDING_KINDS)[number]

/** One thing that is wrong: what it is about, and what was seen of it; all text. */
export interface Finding {
  readonly kind: FindingKind
  readonly key: Readonly<Record<string, string>>
  readonly detail: Readonly<Record<string, string>>
}
