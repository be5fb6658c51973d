import type { Client } from 'pg'
import { parseMoney } from './fixed-point.ts'
import { type LedgerTransaction, transferTransaction } from './ledger.ts'

/** Reads the cash stream from the incumbent's transfers: the next at most `limit` above `after`, in the order of their sequence. */
export async function readTransfers(client: Client, after: bigint, limit: number): Promise<readonly LedgerTransaction[]> {
  const { rows } = await client.query<
    Record<'transfer_id' | 'sequence' | 'account_id' | 'asset' | 'amount' | 'created_at', string> & Directed
  >({
    name: 'read-transfers',
    text: `
      select transfer_id, sequence::text, account_id, asset, direction, amount::text, custodian_reference,
             (extract(epoch from created_at) * 1000000)::bigint::text as created_at
      from accounts.transfers as t
      where t.sequence > $1
      order by t.sequence -- the column: the bare name would be the text above, and sort 10 before 2
      limit $2`,
    values: [after.toString(), limit],
  })
  return rows.map(row =>
    transferTransaction(
      {
        transferId: row.transfer_id,
        accountId: row.account_id,
        asset: row.asset,
        direction: row.direction,
        amount: parseMoney(row.amount),
        custodianReference: row.custodian_reference,
      },
      BigInt(row.sequence),
      BigInt(row.created_at),
    ),
  )
}

interface Directed {
  readonly direction: 'deposit' | 'withdrawal'
  readonly custodian_reference: string
}
