import type { Client } from 'pg'
import { withClickHouse } from '../engines/clickhouse-client.ts'
import { withPostgres } from '../engines/postgres-client.ts'
import { moneyText, quantityText } from '../exchange/fixed-point.ts'
import { insertRows, positionText, transactionText } from '../exchange/sink-store.ts'
import { requireSandbox } from '../sandbox/require-sandbox.ts'
import type { PlantedFault, PositionRemedy } from './planted-fault.ts'

/**
 * Heals a planted fault in a sandbox's stores: wrong rows of history go, right ones come, balances and positions are set straight. Returns false where nothing in
 * the stores can heal it. While a wrong row is being replaced it is missing for a moment, which a check waits out.
 */
export async function repairFault(
  stores: { readonly postgresUrl: string; readonly clickhouseUrl: string },
  planted: PlantedFault,
): Promise<boolean> {
  const { remedy } = planted
  if (remedy === undefined) return false
  await requireSandbox({ postgresUrl: stores.postgresUrl, clickhouseUrl: stores.clickhouseUrl })
  await withClickHouse(stores.clickhouseUrl, async client => {
    if (remedy.deleteTransactionIds.length > 0)
      await client.command({
        query: 'alter table transactions delete where transaction_id in ({ids: Array(String)})',
        query_params: { ids: [...remedy.deleteTransactionIds] },
        clickhouse_settings: { mutations_sync: '2' },
      })
    if (remedy.deletePositions.length > 0)
      await client.command({
        query: 'alter table positions delete where execution_id in ({ids: Array(String)})',
        query_params: { ids: [...remedy.deletePositions] },
        clickhouse_settings: { mutations_sync: '2' },
      })
    await insertRows(client, 'transactions', remedy.insertTransactions.map(transactionText))
    await insertRows(client, 'positions', remedy.insertPositions.map(positionText))
  })
  await withPostgres(stores.postgresUrl, async client => {
    for (const { account_id, asset, add, remove } of remedy.balances)
      if (remove === true) await client.query('delete from accounts.balances where account_id = $1 and asset = $2', [account_id, asset])
      else
        await client.query(
          `insert into accounts.balances as b (account_id, asset, balance) values ($1, $2, $3)
           on conflict (account_id, asset) do update set balance = b.balance + excluded.balance`,
          [account_id, asset, add],
        )
    for (const remedied of remedy.positions) await setPosition(client, remedied)
  })
  return true
}

async function setPosition(client: Client, remedy: PositionRemedy): Promise<void> {
  const { accountId, symbol } = remedy
  if (!('position' in remedy)) {
    await client.query('delete from trade_engine.positions where account_id = $1 and symbol = $2', [accountId, symbol])
    return
  }
  const { position, sequence } = remedy
  await client.query(
    `insert into trade_engine.positions values ($1, $2, $3, $4, $5, $6)
     on conflict (account_id, symbol) do update
       set quantity = excluded.quantity, cost_basis = excluded.cost_basis, realized_pnl = excluded.realized_pnl, sequence = excluded.sequence`,
    [
      accountId,
      symbol,
      quantityText(position.quantity),
      moneyText(position.costBasis),
      moneyText(position.realizedPnl),
      sequence.toString(),
    ],
  )
}
