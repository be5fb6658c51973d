-- Up Migration

-- What was verified and is not read again with every run. Unlike runs this may be thrown away at any time: the next run then reads everything.

-- Tells the tables of one database of recon's from those of another that keeps its checkpoints in the same ClickHouse.
create table recon.ledger (id uuid primary key default gen_random_uuid());
insert into recon.ledger default values;

-- A history table of ClickHouse, by the digest of its identity and columns. Seals and checkpoints live and die with it; whoever voids them changes the
-- generation, and who had read the one before saves nothing.
create table recon.sealed_histories (
  history text primary key,
  generation uuid not null default gen_random_uuid(),
  -- what a person calls the history
  title text not null,
  era bigint not null,
  segment_sequences bigint not null check (segment_sequences > 0));

-- How far each of its streams is sealed.
create table recon.sealed_streams (
  history text not null references recon.sealed_histories (history) on delete cascade,
  stream text not null,
  -- the first segment that is not sealed
  next_segment bigint not null default 0 check (next_segment >= 0),
  primary key (history, stream));

create table recon.segments (
  history text not null,
  stream text not null,
  segment bigint not null check (segment >= 0),
  facts bigint not null check (facts > 0),
  -- sum of the facts' hashes modulo 2^128
  digest numeric(39, 0) not null,
  -- per sequence: offset and number of facts as 4 bytes each, low half of the sum of hashes as 8, little endian
  entries bytea not null,
  sealed_at timestamptz not null default clock_timestamp(),
  audited_at timestamptz not null default clock_timestamp(),
  primary key (history, stream, segment),
  foreign key (history, stream) references recon.sealed_streams (history, stream) on delete cascade);
create index segments_by_audit on recon.segments (history, audited_at);
-- hashes do not compress, and trying costs
alter table recon.segments alter column entries set storage external;

create table recon.checkpoints (
  id bigint generated always as identity primary key,
  -- digest of the leg's definition and of the live table
  leg text not null,
  history text not null references recon.sealed_histories (history) on delete cascade,
  check_name text not null,
  run_id text not null,
  era bigint not null,
  -- first sequence per stream that is not covered, and distinct facts covered, as strings
  first_sequences json not null,
  facts json not null,
  keys bigint not null,
  digest text not null,
  layout text not null check (layout in ('clickhouse', 'postgres')),
  made_at timestamptz not null default clock_timestamp());
create index checkpoints_by_leg on recon.checkpoints (leg, id desc);
create index checkpoints_by_history on recon.checkpoints (history);

-- The values of a checkpoint as canonical lines in key order, where they do not stand in ClickHouse.
create table recon.checkpoint_lines (
  checkpoint bigint not null references recon.checkpoints (id) on delete cascade,
  piece int not null,
  lines bytea not null,
  primary key (checkpoint, piece));
alter table recon.checkpoint_lines alter column lines set storage external;
