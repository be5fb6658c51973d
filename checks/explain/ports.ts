import type { Decimal } from '../../epoch/decimal.ts'
import type { Epoch, Sequence } from '../../epoch/epoch.ts'
import type { LedgerFact, PositionFact, PositionValues, Segment, SegmentTotals, SegmentWidths } from '../../epoch/fact.ts'

/** The key of a balance. */
export interface BalanceKey {
  readonly account: string
  readonly asset: string
}

/** The key of a position. */
export interface PositionKey {
  readonly account: string
  readonly symbol: string
}

/** A fact of one of the keys that were asked for, with the key's place among them, from 0. */
export interface Placed<Fact> {
  readonly place: number
  readonly fact: Fact
}

/** A state row as it is now, with the sequences that last changed it. */
export interface StateRow<Values> {
  readonly values: Values
  readonly stamps: Epoch
}

/** A balance of ClickHouse by segments. */
export interface SegmentedRows {
  readonly totals: readonly SegmentTotals[]
  readonly rows: bigint
}

/** A position in one stream. */
export interface Place {
  readonly stream: string
  readonly sequence: Sequence
}

/** A transfer as PostgreSQL's log has it. */
export interface TransferFact extends LedgerFact {
  readonly reference: string
}

/**
 * PostgreSQL's logs and state rows, all of one snapshot. `assets` says in which asset a symbol settles, since the log does not. Facts come in the order of the
 * keys, and of stream and sequence within a key. Every method rejects with `StoreError`.
 */
export interface LogFacts {
  balances(keys: readonly BalanceKey[]): Promise<readonly (StateRow<Decimal> | null)[]>
  positions(keys: readonly PositionKey[]): Promise<readonly (StateRow<PositionValues> | null)[]>
  /** What the logs did to these balances, by segments; ordered by key. */
  ledgerSegments(
    keys: readonly BalanceKey[],
    assets: ReadonlyMap<string, string>,
    epoch: Epoch,
    widths: SegmentWidths,
  ): AsyncIterable<Placed<SegmentTotals>>
  /** The facts of these balances in some segments of each. */
  ledger(
    keys: readonly BalanceKey[],
    assets: ReadonlyMap<string, string>,
    epoch: Epoch,
    opened: readonly Placed<Segment>[],
    widths: SegmentWidths,
  ): AsyncIterable<Placed<LedgerFact>>
  executions(keys: readonly PositionKey[], epoch: Epoch): AsyncIterable<Placed<PositionFact>>
  /** Everything that the logs say of these sequences, whoever it concerns. */
  ledgerAt(places: readonly Place[], assets: ReadonlyMap<string, string>): Promise<readonly LedgerFact[]>
  /** The transfers with one of these IDs or references, oldest first. */
  transfersNamed(names: readonly string[], limit: number): Promise<readonly TransferFact[]>
}

/** ClickHouse's history as of an epoch, repeated rows as they are. Facts come in the order of stream and sequence. Every method rejects with `StoreError`. */
export interface HistoryFacts {
  /** In which asset each symbol settles, going by most of its transactions. */
  assetsOfSymbols(epoch: Epoch): Promise<ReadonlyMap<string, string>>
  /** What the distinct rows of a balance come to, by segments, and how many rows there are. */
  transactionSegments(key: BalanceKey, epoch: Epoch, widths: SegmentWidths): Promise<SegmentedRows>
  /** The rows of a balance in some segments. */
  transactions(key: BalanceKey, epoch: Epoch, opened: readonly Segment[], widths: SegmentWidths): AsyncIterable<LedgerFact>
  /** The last rows of a balance whose effects are none of these, by stream; the first of them first. */
  otherRows(
    key: BalanceKey,
    effects: Readonly<Record<string, readonly string[]>>,
    epoch: Epoch,
    limit: number,
  ): Promise<readonly LedgerFact[]>
  realized(key: PositionKey, epoch: Epoch): AsyncIterable<LedgerFact>
  positions(key: PositionKey, epoch: Epoch): AsyncIterable<PositionFact>
  /** The last row of a position; undefined where it has none. */
  lastPosition(key: PositionKey, epoch: Epoch): Promise<PositionFact | undefined>
  /** All rows of these sequences, whoever they concern. */
  transactionsAt(places: readonly Place[]): Promise<readonly LedgerFact[]>
  /** The rows with one of these content addresses, wherever they stand. */
  transactionsWithIds(transactionIds: readonly string[]): Promise<readonly LedgerFact[]>
  /** Of the events that moved a balance in one of these ways, those whose rows do not sum to zero over all accounts; the first ones. */
  unbalancedEvents(key: BalanceKey, effects: readonly string[], epoch: Epoch, limit: number): Promise<readonly UnbalancedEvent[]>
}

/** An event that moves money between accounts, and made or destroyed some. */
export interface UnbalancedEvent extends Place {
  readonly sum: Decimal
}
