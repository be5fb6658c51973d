import type { Epoch, Sequence } from '../../epoch/epoch.ts'
import type { PlainRow } from '../../epoch/plain-row.ts'
import type { FaultName } from '../faults/catalogue.ts'
import type { Fact } from './fact.ts'

/** The relation that a history is about: balances are the sums of facts, per account and asset. */
export const BALANCES = { keys: ['account_id', 'asset'], values: ['balance'], aggregating: true } as const

/** The streams of a history: executions, folded by an engine in batches of three commits, and transfers, each one commit. */
export const HISTORY_STREAMS = ['dropcopy', 'cash'] as const

/** One of the streams of a history. */
export type HistoryStream = (typeof HISTORY_STREAMS)[number]

/**
 * Everything that happens on a small exchange, as data: what the facts are, and in which steps, with which pauses (in ms), crashes and repetitions they reach
 * either store. `playHistory` acts it out; whatever is not folded or delivered after the last step is, one step more.
 */
export interface ExchangeHistory {
  /** In stream and sequence order; a sequence may have several facts, or none. */
  readonly facts: readonly Fact[]
  /** The last sequence of each stream. */
  readonly ends: Epoch
  readonly engine: readonly EngineStep[]
  /** The pause before each transfer. */
  readonly cash: readonly number[]
  readonly sink: Readonly<Record<HistoryStream, readonly SinkStep[]>>
  readonly faults: readonly HistoryFault[]
}

/** One batch of the trade-engine: its three commits, each after a pause, and where it dies, if it does. The next step begins at the token again. */
export interface EngineStep {
  readonly events: number
  readonly pausesMs: readonly [number, number, number]
  readonly crash: 'none' | 'after-trades' | 'after-balances'
  readonly downMs: number
}

/**
 * One delivery of the sink: some events, and the last `replay` ones before them again; cut into pieces which come in another order; then the watermark, unless it is
 * left out. A crash after `crashAfter` pieces leaves no watermark, and the next step begins at the last one again.
 */
export interface SinkStep {
  readonly events: number
  readonly replay: number
  readonly pieces: number
  /** How far the pieces are rotated: 0 keeps their order. */
  readonly rotate: number
  readonly pauseMs: number
  readonly watermarkPauseMs: number
  readonly watermark: boolean
  readonly crashAfter: number | null
}

/** A fault of a history, by the name that the catalogue gives it, with all that is needed to act it out. `fact` is an index into `facts`. */
export type HistoryFault =
  | { readonly name: Named<'lost-row' | 'replayed-identical-row' | 'stale-balance' | 'double-applied-batch'>; readonly fact: number }
  | {
      readonly name: Named<'altered-amount-by-1e-18' | 'sign-flipped' | 'wrong-account' | 'wrong-asset' | 'duplicate-row-different-amount'>
      readonly fact: number
      /** What the sink writes instead; for the duplicate, beside it. */
      readonly row: PlainRow
    }
  | { readonly name: Named<'rows-extra'>; readonly fact: number; readonly id: string }
  | { readonly name: Named<'late-row-below-epoch'>; readonly fact: number; readonly delayMs: number }
  | { readonly name: Named<'watermark-stuck' | 'watermarks-disagree'>; readonly stream: HistoryStream; readonly sequence: Sequence }
  | { readonly name: Named<'phantom-account' | 'missing-account'>; readonly step: number; readonly row: PlainRow }
  | { readonly name: Named<'torn-batch'>; readonly step: number }
  | { readonly name: Named<'token-regressed'>; readonly step: number; readonly events: number }

type Named<Name extends FaultName> = Name
