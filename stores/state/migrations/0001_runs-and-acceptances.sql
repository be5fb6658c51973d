-- Up Migration

-- What recon itself knows. Everything here is append-only: a verdict that can be changed afterwards is no evidence.
create function recon.refuse_change() returns trigger language plpgsql as $$
begin
  raise exception 'recon.% is append-only: % is refused', tg_table_name, lower(tg_op) using errcode = 'restrict_violation';
end $$;

-- An acceptance begins a new era: epochs seen before it no longer bind the runs after it.
create table recon.epoch_acceptances (
  era bigint generated always as identity primary key,
  accepted_at timestamptz not null default clock_timestamp(),
  reason text not null check (btrim(reason) <> ''),
  epoch json not null);

create table recon.runs (
  position bigint generated always as identity primary key,
  run_id text not null unique check (run_id <> ''),
  check_name text not null,
  verdict text not null check (verdict in ('balanced', 'diff', 'inconclusive')),
  reason_code text not null,
  -- sequences as strings, as in the document; null when the run captured no epoch
  epoch json,
  started_at timestamptz not null,
  finished_at timestamptz not null,
  recorded_at timestamptz not null default clock_timestamp(),
  era bigint not null,
  -- json, not jsonb: kept byte for byte, and a name with a zero character in it (ClickHouse can hold one) can be stored
  document json not null);
create index runs_by_check on recon.runs (check_name, position desc);

-- The epochs of the runs, one row per stream, so that the greatest is one step down an index however long the history is.
create table recon.run_epochs (
  era bigint not null,
  stream text not null,
  sequence bigint not null check (sequence >= 0),
  position bigint not null references recon.runs (position),
  primary key (era, stream, sequence, position));

create trigger append_only before update or delete on recon.epoch_acceptances for each row execute function recon.refuse_change();
create trigger append_only before update or delete on recon.runs for each row execute function recon.refuse_change();
create trigger append_only before update or delete on recon.run_epochs for each row execute function recon.refuse_change();
create trigger never_emptied before truncate on recon.epoch_acceptances for each statement execute function recon.refuse_change();
create trigger never_emptied before truncate on recon.runs for each statement execute function recon.refuse_change();
create trigger never_emptied before truncate on recon.run_epochs for each statement execute function recon.refuse_change();
