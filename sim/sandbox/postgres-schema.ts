/** The reference schema of AX in PostgreSQL, incumbent and shadow alike. Running it again changes nothing. */
export const postgresSchema = `
create schema if not exists trade_engine;
create table if not exists trade_engine.resume_tokens (
  service text not null, stream text not null,
  sequence bigint not null check (sequence >= 0),
  resume_token bytea not null,
  updated_at timestamptz not null default now(),
  primary key (service, stream));
create table if not exists trade_engine.trades (
  execution_id text primary key, trade_id text not null, sequence bigint not null,
  account_id text not null, symbol text not null, side text not null check (side in ('buy','sell')),
  quantity numeric(38,18) not null, price numeric(38,18) not null,
  fee numeric(38,18) not null, realized_pnl numeric(38,18) not null,
  state text not null check (state in ('new','busted')), executed_at timestamptz not null);
create index if not exists trades_sequence_idx on trade_engine.trades (sequence);
create table if not exists trade_engine.positions (
  account_id text not null, symbol text not null,
  quantity numeric(38,18) not null, cost_basis numeric(38,18) not null, realized_pnl numeric(38,18) not null,
  sequence bigint not null,
  primary key (account_id, symbol));
create schema if not exists accounts;
create table if not exists accounts.balances (
  account_id text not null, asset text not null, balance numeric(38,18) not null,
  dropcopy_sequence bigint not null default 0, cash_sequence bigint not null default 0,
  primary key (account_id, asset));
create table if not exists accounts.transfers (
  transfer_id text primary key,
  sequence bigint not null unique,
  account_id text not null, asset text not null, direction text not null check (direction in ('deposit','withdrawal')),
  amount numeric(38,18) not null check (amount > 0), custodian_reference text not null, created_at timestamptz not null);
`

/**
 * What marks a PostgreSQL database as made by a sandbox. The marker names the cluster, so that a dump of a sandbox that was loaded into another
 * cluster is not a sandbox.
 */
export const postgresMarker = `
create schema if not exists recon_sandbox;
create table if not exists recon_sandbox.marker (
  system_identifier text primary key,
  created_at timestamptz not null default now());
insert into recon_sandbox.marker (system_identifier) select system_identifier::text from pg_control_system() on conflict do nothing;
`
