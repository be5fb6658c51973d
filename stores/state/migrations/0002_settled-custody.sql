-- Up Migration

-- What of a custodian's history is final and was matched with the books, so that no run lists it again. A new era (recon.epoch_acceptances) begins with nothing
-- settled, and so does a custodian that is asked under other terms: `custodian` is the digest of where it is, its vaults and its opening balances.
create table recon.settled_heads (
  custodian text not null,
  era bigint not null,
  version bigint not null check (version > 0),
  settled_at timestamptz not null default clock_timestamp(),
  sequence bigint not null check (sequence >= 0),
  boundaries json not null,
  sums json not null,
  primary key (custodian, era, version));

-- The settled items themselves, so that the second use of a reference is seen however late it comes. Amounts are exact decimal text.
create table recon.settled_movements (
  custodian text not null,
  era bigint not null,
  movement_id text not null,
  version bigint not null,
  vault text not null,
  kind text not null,
  type text not null,
  state text not null check (state in ('success', 'failed')),
  status text not null,
  asset text not null,
  amount text not null,
  fee text not null,
  fee_asset text not null,
  description text not null,
  ended_at text,
  primary key (custodian, era, movement_id),
  foreign key (custodian, era, version) references recon.settled_heads);
create index settled_movements_by_description on recon.settled_movements using hash (description) where description <> '';

create table recon.settled_transfers (
  custodian text not null,
  era bigint not null,
  transfer_id text not null,
  version bigint not null,
  sequence bigint not null,
  asset text not null,
  direction text not null check (direction in ('deposit', 'withdrawal')),
  amount text not null,
  reference text not null,
  created_at_ms bigint not null,
  primary key (custodian, era, transfer_id),
  foreign key (custodian, era, version) references recon.settled_heads);
create index settled_transfers_by_reference on recon.settled_transfers using hash (reference);

create trigger append_only before update or delete on recon.settled_heads for each row execute function recon.refuse_change();
create trigger append_only before update or delete on recon.settled_movements for each row execute function recon.refuse_change();
create trigger append_only before update or delete on recon.settled_transfers for each row execute function recon.refuse_change();
create trigger never_emptied before truncate on recon.settled_heads for each statement execute function recon.refuse_change();
create trigger never_emptied before truncate on recon.settled_movements for each statement execute function recon.refuse_change();
create trigger never_emptied before truncate on recon.settled_transfers for each statement execute function recon.refuse_change();

-- Where the custodian contradicts itself now, and since when in exactly this amount. Not evidence (the runs are), so it changes with every answer.
create table recon.custodian_gaps (
  custodian text not null,
  asset text not null,
  amount text not null,
  since_ms bigint not null,
  primary key (custodian, asset));
