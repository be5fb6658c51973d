import type { Client } from 'pg'
import type { Transfer } from './cash-stream.ts'
import { moneyText } from './fixed-point.ts'

// Whoever writes a transfer takes this lock, so that sequences are dense and become visible in their order.
const CASH_LOCK = 7_210_002
// Only one cash writer of the simulator at a time, for its whole session: see the engine's.
const CASH_WRITER_LOCK = 7_210_003

/** Waits until no other cash writer of the simulator is connected; held until the session ends. Fails after ten seconds. */
export async function lockCashWriter(client: Client): Promise<void> {
  await client.query(`set lock_timeout = '10s'`)
  await client.query('select pg_advisory_lock($1)', [CASH_WRITER_LOCK])
}

/** The last sequence of the cash stream, or 0. */
export async function lastTransfer(client: Client): Promise<bigint> {
  const { rows } = await client.query<{ sequence: string }>('select coalesce(max(sequence), 0)::text as sequence from accounts.transfers')
  return BigInt(rows[0]?.sequence ?? '0')
}

/**
 * Writes transfers and their balances in one transaction and returns the last sequence given. Safe to call from any number of connections at once: the
 * sequence is read in a statement of its own after the lock, so it sees what the holder before has committed. `doubled` is the fault
 * deposit-applied-twice: the transfer that is added to its balance two times.
 */
export async function writeTransfers(client: Client, transfers: readonly Transfer[], doubled?: string): Promise<bigint> {
  await client.query('begin')
  try {
    await client.query('select pg_advisory_xact_lock($1)', [CASH_LOCK])
    await client.query({
      name: 'write-transfers',
      text: `
        with placed as (
          insert into accounts.transfers
            (transfer_id, sequence, account_id, asset, direction, amount, custodian_reference, created_at)
          select t.transfer_id, last.sequence + t.place, t.account_id, t.asset, t.direction, t.amount, t.custodian_reference, clock_timestamp()
          from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::numeric[], $6::text[])
                 with ordinality as t (transfer_id, account_id, asset, direction, amount, custodian_reference, place),
               (select coalesce(max(sequence), 0) as sequence from accounts.transfers) as last
          returning transfer_id, sequence, account_id, asset, direction, amount)
        insert into accounts.balances as b (account_id, asset, balance, cash_sequence)
        select account_id, asset,
               sum(case direction when 'deposit' then amount else -amount end * case transfer_id when $7 then 2 else 1 end),
               max(sequence)
        from placed
        group by account_id, asset
        order by account_id, asset
        on conflict (account_id, asset) do update
          set balance = b.balance + excluded.balance, cash_sequence = excluded.cash_sequence`,
      values: [
        transfers.map(transfer => transfer.transferId),
        transfers.map(transfer => transfer.accountId),
        transfers.map(transfer => transfer.asset),
        transfers.map(transfer => transfer.direction),
        transfers.map(transfer => moneyText(transfer.amount)),
        transfers.map(transfer => transfer.custodianReference),
        doubled ?? '',
      ],
    })
    const last = await lastTransfer(client)
    await client.query('commit')
    return last
  } catch (error) {
    await client.query('rollback').catch(() => undefined)
    throw error
  }
}
