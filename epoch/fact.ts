import type { Decimal } from './decimal.ts'
import type { Sequence } from './epoch.ts'

/** What a fact is called in the store that holds it: `execution_id` and `trade_id`, `transfer_id`, or `transaction_id`. */
export type FactIds = Readonly<Record<string, string>>

/** One change of one balance: what PostgreSQL's logs say that an execution or a transfer did, or a row of ClickHouse's transactions. */
export interface LedgerFact {
  readonly stream: string
  readonly sequence: Sequence
  /** `deposit`, `withdrawal`, `realized_pnl`, `fee`, or what else a row calls itself. */
  readonly effect: string
  readonly account: string
  /** Null where a log does not say in which asset it settles and nobody else does. */
  readonly asset: string | null
  /** Empty for cash. */
  readonly symbol: string
  readonly amount: Decimal
  /** When it happened, in UTC to the microsecond: `2026-11-24 09:30:00.000000`. */
  readonly time: string
  readonly ids: FactIds
}

/** What a position consists of. */
export interface PositionValues {
  readonly quantity: Decimal
  readonly cost_basis: Decimal
  readonly realized_pnl: Decimal
}

/** One change of one position: in PostgreSQL's log what it adds, in ClickHouse's history what it comes to. */
export interface PositionFact {
  readonly stream: string
  readonly sequence: Sequence
  readonly executionId: string
  readonly account: string
  readonly symbol: string
  readonly values: PositionValues
  readonly time: string
  readonly ids: FactIds
}

/** The segments of a stream are its sequences cut into stretches of equal width, numbered from 0: the width of each stream. */
export type SegmentWidths = Readonly<Record<string, Sequence>>

/** One segment of one stream. */
export interface Segment {
  readonly stream: string
  readonly segment: bigint
}

/**
 * What the facts of one kind in one segment come to. Two sides that agree in all of it hold the same facts, unless several differ in just such a way that they
 * cancel out: it is a filter, and no proof.
 */
export interface SegmentTotals extends Segment {
  readonly effect: string
  readonly facts: bigint
  readonly sum: Decimal
  /** The sum of the amounts, each plus one and times the weight of its sequence, so that facts of no amount have their place as well. */
  readonly weighted: Decimal
}

/** The largest prime below 2^16: weights stay small, and neighbours differ in theirs. */
const SEGMENT_WEIGHTS = 65_521

/**
 * The weight of a sequence, as SQL over an expression that is it as a signed 64-bit integer: its cube in a small field, plus one. Of facts that change places, a sum of
 * plain sequences would stay the same too easily. Both stores read it alike.
 */
export function segmentWeightSql(sequence: string): string {
  const rest = `(${sequence} % ${SEGMENT_WEIGHTS})`
  return `(${rest} * ${rest} * ${rest} % ${SEGMENT_WEIGHTS} + 1)`
}
