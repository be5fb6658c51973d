import type pg from 'pg'
import { parseSequence } from '../../epoch/epoch.ts'
import type { CustodianMovement, SettledBoundary } from '../custodian/custodian.ts'
import {
  NOTHING_SETTLED,
  type SettledAdvance,
  type SettledHead,
  type SettledItems,
  type SettledKeys,
  type SettledSums,
  type SettledTransfer,
} from './settled-record.ts'
import { inTransaction } from './transaction.ts'

/** Reads how far a custodian is settled in the current era. */
export async function selectSettledHead(client: pg.ClientBase, custodian: string): Promise<SettledHead> {
  const { rows } = await client.query<{
    era: string
    version: string | null
    sequence: string | null
    boundaries: readonly SettledBoundary[] | null
    sums: SettledSums | null
  }>(
    `select current.era::text as era, h.version::text as version, h.sequence::text as sequence, h.boundaries, h.sums
    from (select coalesce(max(era), 0) as era from recon.epoch_acceptances) as current
    left join lateral (
      select version, sequence, boundaries, sums from recon.settled_heads
      where custodian = $1 and era = current.era order by version desc limit 1) as h on true`,
    [custodian],
  )
  const [row] = rows
  return {
    era: BigInt(row?.era ?? '0'),
    version: BigInt(row?.version ?? '0'),
    sequence: parseSequence(row?.sequence ?? '0', 'the settled sequence'),
    boundaries: row?.boundaries ?? [],
    sums: row?.sums ?? NOTHING_SETTLED,
  }
}

/** Finds items that were settled by `head` and have one of the references, or one of the transfer ids. */
export async function selectSettledItems(
  client: pg.ClientBase,
  custodian: string,
  { era, version }: Pick<SettledHead, 'era' | 'version'>,
  { references, transferIds }: SettledKeys,
): Promise<SettledItems> {
  const movements = await client.query<CustodianMovement>(
    `select movement_id as id, vault, kind, type, state, status, asset, amount, fee, fee_asset as "feeAsset", description, ended_at as "endedAt"
    from recon.settled_movements
    where custodian = $1 and era = $2 and version <= $3 and (movement_id = any($4) or (description <> '' and description = any($4)))
    order by movement_id`,
    [custodian, era.toString(), version.toString(), references],
  )
  const transfers = await client.query<Omit<SettledTransfer, 'sequence' | 'createdAtMs'> & { sequence: string; createdAtMs: string }>(
    `select transfer_id as "transferId", sequence::text as sequence, asset, direction, amount, reference, created_at_ms::text as "createdAtMs"
    from recon.settled_transfers
    where custodian = $1 and era = $2 and version <= $3 and (reference = any($4) or transfer_id = any($5))
    order by settled_transfers.sequence`,
    [custodian, era.toString(), version.toString(), references, transferIds],
  )
  return {
    movements: movements.rows,
    transfers: transfers.rows.map(row => ({
      ...row,
      sequence: parseSequence(row.sequence, 'the sequence of a settled transfer'),
      createdAtMs: Number(row.createdAtMs),
    })),
  }
}

/**
 * Advances what is settled by one version, all of it or nothing. False where somebody else has advanced since `from` was read, or a new era has begun: what
 * was worked out then no longer continues what is there, and is dropped.
 */
export async function insertSettled(
  client: pg.ClientBase,
  custodian: string,
  from: SettledHead,
  advance: SettledAdvance,
): Promise<boolean> {
  return inTransaction(client, async () => {
    await client.query(`select pg_advisory_xact_lock(hashtextextended('recon settled custody ' || $1, 0))`, [custodian])
    const now = await selectSettledHead(client, custodian)
    if (now.era !== from.era || now.version !== from.version) return false
    const key = [custodian, from.era.toString(), (from.version + 1n).toString()]
    await client.query(
      'insert into recon.settled_heads (custodian, era, version, sequence, boundaries, sums) values ($1, $2, $3, $4, $5::json, $6::json)',
      [...key, advance.sequence.toString(), JSON.stringify(advance.boundaries), JSON.stringify(advance.sums)],
    )
    await client.query(
      `insert into recon.settled_movements (custodian, era, version, movement_id, vault, kind, type, state, status, asset, amount, fee, fee_asset, description, ended_at)
      select $1, $2, $3, m.id, m.vault, m.kind, m.type, m.state, m.status, m.asset, m.amount, m.fee, m."feeAsset", m.description, m."endedAt"
      from json_to_recordset($4::json) as m(id text, vault text, kind text, type text, state text, status text, asset text, amount text,
        fee text, "feeAsset" text, description text, "endedAt" text)`,
      [...key, JSON.stringify(advance.movements)],
    )
    await client.query(
      `insert into recon.settled_transfers (custodian, era, version, transfer_id, sequence, asset, direction, amount, reference, created_at_ms)
      select $1, $2, $3, t."transferId", t.sequence, t.asset, t.direction, t.amount, t.reference, t."createdAtMs"
      from json_to_recordset($4::json) as t("transferId" text, sequence bigint, asset text, direction text, amount text, reference text,
        "createdAtMs" bigint)`,
      [...key, JSON.stringify(advance.transfers.map(transfer => ({ ...transfer, sequence: transfer.sequence.toString() })))],
    )
    return true
  })
}
