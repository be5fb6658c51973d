import { Client } from 'pg'
import { parseMoney } from '../../sim/exchange/fixed-point.ts'
import type { CustodianMovement } from '../../stores/custodian/custodian.ts'

/** A transfer as the books have it; the amount in units of 10^-18. */
export interface BookedTransfer {
  readonly transferId: string
  readonly asset: string
  readonly direction: string
  readonly amount: bigint
  readonly reference: string
}

/** Every transfer of the books, in the order of the cash stream. */
export async function readBooks(postgresUrl: string): Promise<readonly BookedTransfer[]> {
  const client = new Client({ connectionString: postgresUrl })
  await client.connect()
  try {
    const { rows } = await client.query<Record<'transfer_id' | 'asset' | 'direction' | 'amount' | 'custodian_reference', string>>(
      'select transfer_id, asset, direction, amount::text, custodian_reference from accounts.transfers order by sequence',
    )
    return rows.map(row => ({
      transferId: row.transfer_id,
      asset: row.asset,
      direction: row.direction,
      amount: parseMoney(row.amount),
      reference: row.custodian_reference,
    }))
  } finally {
    await client.end()
  }
}

/** The movements of a list by what may tie them to a transfer. */
export function byReference(movements: readonly CustodianMovement[]): ReadonlyMap<string, CustodianMovement> {
  return new Map(movements.flatMap(movement => [[movement.id, movement] as const, [movement.description, movement] as const]))
}

/** What is booked of an asset, withdrawals less deposits, in units of 10^-18. */
export function bookedSum(transfers: readonly BookedTransfer[], asset: string): bigint {
  return transfers.reduce(
    (sum, each) => (each.asset !== asset ? sum : each.direction === 'deposit' ? sum + each.amount : sum - each.amount),
    0n,
  )
}
