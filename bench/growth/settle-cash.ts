import type pg from 'pg'
import type { SimCustodian } from '../../sim/custodian/custodian.ts'
import type { SequenceRange } from './volume.ts'

/** Has the custodian carry out the transfers of a stretch of the cash stream, each at the time at which it was booked. */
export async function settleCash(postgres: pg.Client, custodian: SimCustodian, { first, last }: SequenceRange): Promise<void> {
  const { rows } = await postgres.query<{ direction: string; asset: string; amount: string; reference: string; created_at_ms: string }>(
    `select direction, asset, amount::text as amount, custodian_reference as reference, (extract(epoch from created_at) * 1000)::bigint::text as created_at_ms
    from accounts.transfers where sequence between $1 and $2 order by sequence`,
    [first, last],
  )
  for (const { direction, asset, amount, reference, created_at_ms } of rows) {
    const order = { asset, amount, reference, createdAtMs: Number(created_at_ms) }
    if (direction === 'deposit') custodian.deposit(order)
    else custodian.withdraw(order)
  }
}
