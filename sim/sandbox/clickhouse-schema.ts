/** The reference schema of AX in ClickHouse, one statement each, for the current database. Running them again changes nothing. */
export const clickhouseSchema: readonly string[] = [
  `create table if not exists transactions (
  stream LowCardinality(String), sequence UInt64,
  transaction_id String,
  account_id String, asset LowCardinality(String), symbol LowCardinality(String),
  kind LowCardinality(String),
  amount Decimal(38,18), occurred_at DateTime64(6,'UTC'))
engine = MergeTree order by (stream, sequence, transaction_id)`,
  `create table if not exists positions (
  stream LowCardinality(String), sequence UInt64, execution_id String,
  account_id String, symbol LowCardinality(String), asset LowCardinality(String),
  quantity Decimal(38,18), cost_basis Decimal(38,18), realized_pnl Decimal(38,18),
  occurred_at DateTime64(6,'UTC'))
engine = MergeTree order by (stream, sequence, execution_id, account_id, symbol)`,
  `create table if not exists pnl_marks (
  mark_cycle UInt64, stream LowCardinality(String), sequence UInt64,
  account_id String, symbol LowCardinality(String), asset LowCardinality(String),
  mark_price Decimal(38,18), realized_pnl Decimal(38,18), unrealized_pnl Decimal(38,18), marked_at DateTime64(6,'UTC'))
engine = MergeTree order by (mark_cycle, symbol, account_id)`,
  `create table if not exists sink_watermarks (
  table_name LowCardinality(String), stream LowCardinality(String), sequence UInt64,
  rows_total UInt64,
  written_at DateTime64(6,'UTC'))
engine = MergeTree order by (table_name, stream, sequence)`,
]

/** What marks a ClickHouse database as made by a sandbox; the row names the database, so that a copy elsewhere is not a sandbox. */
export const clickhouseMarker: readonly string[] = [
  "create table if not exists recon_sandbox_marker (database_name String, created_at DateTime64(3, 'UTC') default now64(3)) engine = MergeTree order by database_name",
  `insert into recon_sandbox_marker (database_name) select currentDatabase() where currentDatabase() not in (select database_name from recon_sandbox_marker)`,
]
