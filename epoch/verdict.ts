/** What a check can say. "Could not check" is an answer of its own: never a pass, and never a difference. */
export type Verdict = 'balanced' | 'diff' | 'inconclusive'

/** Why, in words that may be scripted against. The lists grow; no code changes its meaning (design section 8). */
export const REASONS = {
  balanced: ['balanced'],
  diff: [
    'value-mismatch',
    'rows-missing',
    'rows-extra',
    'conflicting-duplicate',
    'history-rewritten',
    'stuck-transfer',
    'unknown-movement',
  ],
  inconclusive: [
    'torn-cut',
    'horizon-timeout',
    'watermark-conflict',
    'store-unreachable',
    'schema-mismatch',
    'history-collapsed',
    'epoch-regression',
    'statement-timeout',
    'cancelled',
    'custodian-inconsistent',
    'detector-blind',
    'permission-denied',
    'snapshot-conflict',
    'response-truncated',
    'store-error',
  ],
} as const satisfies Record<Verdict, readonly string[]>

/** A reason for a difference. */
export type DiffReason = (typeof REASONS)['diff'][number]
/** A reason why nothing could be said. */
export type InconclusiveReason = (typeof REASONS)['inconclusive'][number]

/** A verdict with its reason code and a sentence for a person. */
export type Outcome =
  | { readonly verdict: 'balanced'; readonly reasonCode: 'balanced'; readonly reason: string }
  | { readonly verdict: 'diff'; readonly reasonCode: DiffReason; readonly reason: string }
  | { readonly verdict: 'inconclusive'; readonly reasonCode: InconclusiveReason; readonly reason: string }
