import type { Mismatch, NamedFields } from '../../epoch/mismatch.ts'
import type { Explained, Finding, JsonEpoch } from '../run.ts'
import type { AmountTexts } from './amounts.ts'
import type { Cause } from './cause.ts'
import type { FactDifference } from './difference.ts'

/** Where two sides parted, or something else happened. Sequences are text. */
export interface JsonPlace {
  readonly stream: string
  readonly sequence: string
  readonly time: string
}

/** The first epoch at which two sides parted: the least sequence of each stream at which facts differ, and the earliest of those places. */
export interface Parting {
  readonly first: JsonPlace
  readonly epoch: JsonEpoch
}

/** One fact that differs, as it stands in a document. Amounts are canonical decimal text. */
export interface FactEntry extends JsonPlace {
  readonly kind: FactDifference['kind']
  readonly table: FactDifference['table']
  readonly effect: string
  readonly account_id: string
  readonly asset: string | null
  readonly symbol: string
  readonly postgres: AmountTexts | null
  readonly clickhouse: AmountTexts | null
  readonly difference: AmountTexts
  readonly ids: Readonly<Record<string, string>>
  readonly elsewhere?: { readonly account_id: string; readonly asset: string | null }
  readonly twin?: { readonly stream: string; readonly sequence: string; readonly ids: Readonly<Record<string, string>> }
}

/** One row of ClickHouse, or transfer of PostgreSQL, that is shown for itself. */
export interface RowEntry extends JsonPlace {
  readonly effect: string
  readonly account_id: string
  readonly asset: string | null
  readonly symbol: string
  readonly amounts: AmountTexts
  readonly ids: Readonly<Record<string, string>>
}

/** Facts that would account for a state row being wrong: those that follow each other and come to exactly that much. */
export interface SuspectEntry {
  readonly as: 'applied-twice' | 'not-applied'
  /** How many facts; the first of them are listed. */
  readonly length: string
  readonly rows: readonly RowEntry[]
}

/** What became of one key that differed. */
export interface KeyExplanation {
  readonly key: NamedFields
  /** What the run recorded. */
  readonly recorded: { readonly left: NamedFields | null; readonly right: NamedFields | null; readonly difference: AmountTexts }
  readonly outcome: 'stands' | 'healed'
  /** What each place says of the key as of the run's epoch, read again; `state` is absent where the row has changed since and the run did not see it. */
  readonly says: Readonly<Record<string, AmountTexts | null>>
  readonly stateChangedSince: boolean
  readonly facts: readonly FactEntry[]
  readonly factCounts: Readonly<Record<FactDifference['kind'], string>>
  /** How many of these are not listed; and how many stretches of the streams in which facts differ were not read, so that theirs are not counted. */
  readonly factsLeftOut: string
  readonly segmentsLeftOut: string
  /** How many facts were read on each side, and how many rows of ClickHouse were repeated deliveries. */
  readonly read: { readonly postgres: string; readonly clickhouse: string; readonly repeated: string }
  /** Rows of kinds that PostgreSQL keeps no log of: they cannot be confirmed and are not called extra. The last ones are listed. */
  readonly unlogged: { readonly counts: Readonly<Record<string, string>>; readonly rows: readonly RowEntry[]; readonly leftOut: string }
  readonly unbalancedEvents: readonly { readonly stream: string; readonly sequence: string; readonly sum: string }[]
  readonly suspects: { readonly runs: readonly SuspectEntry[]; readonly leftOut: string }
  /** Where facts differ first, or the suspected ones begin; null where neither is known. */
  readonly parted: Parting | null
  readonly likelyWrong: Cause
}

/** What a run's difference comes down to, `recon.explain/1`. Sequences, counts and money are text. */
export interface Explanation {
  readonly schema: 'recon.explain/1'
  readonly runId: string
  readonly check: string
  readonly verdict: string
  readonly reasonCode: string
  readonly reason: string
  readonly epoch: JsonEpoch | null
  /** `not-explainable`: a check whose facts are not known here; its mismatches and findings are all there is. */
  readonly outcome: 'explained' | 'nothing-to-explain' | 'not-explainable'
  readonly summary: string
  readonly parted: Parting | null
  readonly keysDiffering: string
  readonly keysLeftOut: string
  readonly keys: readonly KeyExplanation[]
  /** The mismatches of a check whose facts are not known here, as they were recorded. */
  readonly mismatches: readonly Mismatch[]
  /** What the run itself found and allowed for. */
  readonly findings: readonly Finding[]
  readonly findingsLeftOut: string
  readonly explained: readonly Explained[]
  readonly explainedLeftOut: string
  /** For a check with the custodian: the transfers that the findings name. */
  readonly transfers: readonly RowEntry[]
  /** For a check per symbol: the last positions of the accounts that the findings name. */
  readonly positions: readonly RowEntry[]
}
