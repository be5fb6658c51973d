/**
 * recon-engine as a library: the primitive that pins a comparison to an epoch, for relations of one's own and for property tests. Importing it
 * loads no driver; `loadStoreLegs` does. docs/library.md is the guide, `recon-engine/testing` has the generators and the in-memory stores.
 */

// Relations, and running one.
export { defineRelation, type EpochSource, type Relation, type RelationDefinition } from './checks/relation.ts'
export type { JsonEpoch, LegHorizon, Run } from './checks/run.ts'
export type { RunOptions } from './checks/run-check.ts'
export { runRelation } from './checks/run-relation.ts'
export type { Clock } from './epoch/clock.ts'
export { compareRows, linesOfRows } from './epoch/compare-rows.ts'
export { regressedStreams, tornStreams } from './epoch/cut.ts'
// Exact decimals.
export {
  addDecimals,
  canonicalDecimal,
  compareDecimals,
  type Decimal,
  formatDecimal,
  isZeroDecimal,
  negateDecimal,
  parseDecimal,
  placesOf,
  subtractDecimals,
  tryParseDecimal,
  ZERO,
} from './epoch/decimal.ts'
// The diff.
export { type CompareOptions, compare } from './epoch/diff.ts'
// Epochs: one sequence per stream, partially ordered.
export {
  type Epoch,
  type EpochOrder,
  epochFromJson,
  epochToJson,
  formatEpoch,
  isAtOrBelow,
  join,
  meet,
  orderEpochs,
  parseSequence,
  project,
  SEQUENCE_MAX,
  type Sequence,
  sequenceOf,
  streamsShortOf,
} from './epoch/epoch.ts'
export { type FunctionHistory, type FunctionState, functionAsOfLeg, functionSnapshotLeg } from './epoch/function-legs.ts'
export {
  type Completeness,
  type CountedRows,
  chooseHorizon,
  type Horizon,
  type HorizonGap,
  type HorizonReply,
  judgeCompleteness,
  type Watermark,
} from './epoch/horizon.ts'

// Legs and horizons.
export type { AsOfLeg, AsOfReading, Capture, DrainedRows, Leg, LegContext, Lines, SnapshotLeg } from './epoch/leg.ts'
// Rows, as canonical lines and as plain objects.
export { compareFields, decodeLine, encodeLine, type Field, fieldText } from './epoch/line.ts'
export type { Comparison, Mismatch, NamedFields } from './epoch/mismatch.ts'
export { encodeRows, type PlainRow } from './epoch/plain-row.ts'
export { ReconError } from './epoch/recon-error.ts'
export { compareKeys, type Row, type RowShape } from './epoch/row.ts'
export { StoreError } from './epoch/store-error.ts'
// Verdicts and errors.
export { type DiffReason, type InconclusiveReason, type Outcome, REASONS, type Verdict } from './epoch/verdict.ts'
export { systemClock } from './stores/system-clock.ts'

/**
 * Loads the legs on real stores, and with them the drivers of PostgreSQL and ClickHouse (about 100 ms, once): PostgreSQL state as a snapshot leg,
 * a ClickHouse history table as an as-of leg, the connection that it needs and must be closed, and the built-in transactions-balance.
 */
export async function loadStoreLegs() {
  const [snapshot, history, connection, balance, model] = await Promise.all([
    import('./stores/postgres/snapshot-leg.ts'),
    import('./stores/clickhouse/history-leg.ts'),
    import('./stores/clickhouse/connection.ts'),
    import('./checks/transactions-balance.ts'),
    import('./checks/reference-model.ts'),
  ])
  return {
    postgresSnapshotLeg: snapshot.postgresSnapshotLeg,
    clickHouseHistoryLeg: history.clickHouseHistoryLeg,
    connectClickHouse: connection.connectClickHouse,
    transactionsBalance: balance.transactionsBalance,
    REFERENCE_STREAMS: model.REFERENCE_STREAMS,
    REFERENCE_TABLES: model.REFERENCE_TABLES,
  }
}
