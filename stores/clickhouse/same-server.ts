import type { LegContext } from '../../epoch/leg.ts'
import type { ClickHouseConnection } from './connection.ts'

/** Whether two connections reach the same server, so that a statement on one can read what the other wrote. Rejects with `StoreError`. */
export async function isSameServer(a: ClickHouseConnection, b: ClickHouseConnection, context: LegContext): Promise<boolean> {
  const [one, other] = await Promise.all(
    [a, b].map(async connection => (await connection.rows('select toString(serverUUID()) as id', {}, context))[0]?.['id']),
  )
  return one !== undefined && one === other
}
