import type { Client } from 'pg'
import { type BalanceChange, type EngineBatch, keyOf, type StampedPosition, type TradeRow, type WantedRows } from './engine-batch.ts'
import { moneyText, parseMoney, parseQuantity, quantityText } from './fixed-point.ts'

// Session locks: the server keeps them until it has really finished with the session of an engine that was killed, its last commit included.
const ENGINE_LOCK = 7_210_001

/** Waits until no other trade-engine is connected; held until the session ends. Fails after ten seconds. */
export async function lockEngine(client: Client): Promise<void> {
  await client.query(`set lock_timeout = '10s'`)
  await client.query('select pg_advisory_lock($1)', [ENGINE_LOCK])
}

/** The sequence of the trade-engine's resume token, or 0. */
export async function readToken(client: Client): Promise<bigint> {
  const { rows } = await client.query<{ sequence: string }>(
    `select sequence::text from trade_engine.resume_tokens where service = 'trade-engine' and stream = 'dropcopy'`,
  )
  return BigInt(rows[0]?.sequence ?? '0')
}

/** Commits the resume token: the third step of a batch. EP3's own token is opaque; here it is the sequence as text. */
export async function writeToken(client: Client, sequence: bigint): Promise<void> {
  await client.query({
    name: 'write-token',
    text: `
      insert into trade_engine.resume_tokens (service, stream, sequence, resume_token, updated_at)
      values ('trade-engine', 'dropcopy', $1, $2, clock_timestamp())
      on conflict (service, stream) do update
        set sequence = excluded.sequence, resume_token = excluded.resume_token, updated_at = excluded.updated_at`,
    values: [sequence.toString(), Buffer.from(`ep3:${sequence}`)],
  })
}

/** Commits the trades of a batch: the first step. Those that are there already stay as they are. */
export async function writeTrades(client: Client, trades: readonly TradeRow[]): Promise<void> {
  if (trades.length === 0) return
  await client.query({
    name: 'write-trades',
    text: `
      insert into trade_engine.trades
        (execution_id, trade_id, sequence, account_id, symbol, side, quantity, price, fee, realized_pnl, state, executed_at)
      select execution_id, trade_id, sequence, account_id, symbol, side, quantity, price, fee, realized_pnl, state,
             timestamptz 'epoch' + executed_at * interval '1 microsecond'
      from unnest($1::text[], $2::text[], $3::bigint[], $4::text[], $5::text[], $6::text[],
                  $7::numeric[], $8::numeric[], $9::numeric[], $10::numeric[], $11::text[], $12::bigint[])
        as t (execution_id, trade_id, sequence, account_id, symbol, side, quantity, price, fee, realized_pnl, state, executed_at)
      on conflict (execution_id) do nothing`,
    values: [
      trades.map(({ event }) => event.executionId),
      trades.map(({ event }) => event.tradeId),
      trades.map(({ event }) => event.sequence.toString()),
      trades.map(({ event }) => event.accountId),
      trades.map(({ event }) => event.symbol),
      trades.map(({ event }) => event.side),
      trades.map(({ event }) => quantityText(event.quantity)),
      trades.map(({ event }) => quantityText(event.price)),
      trades.map(({ fee }) => moneyText(fee)),
      trades.map(({ realized }) => moneyText(realized)),
      trades.map(({ event }) => (event.kind === 'bust' ? 'busted' : 'new')),
      trades.map(({ event }) => event.occurredAtMicros.toString()),
    ],
  })
}

/** Commits the positions and balances of a batch: the second step. Fails where a row does not take its change, which would mean a second engine. */
export async function writeState(client: Client, batch: EngineBatch): Promise<void> {
  await client.query('begin')
  try {
    await writePositions(client, batch.positions)
    await writeBalances(client, batch.balances)
    await client.query('commit')
  } catch (error) {
    await client.query('rollback').catch(() => undefined)
    throw error
  }
}

async function writePositions(client: Client, positions: readonly StampedPosition[]): Promise<void> {
  if (positions.length === 0) return
  const { rowCount } = await client.query({
    name: 'write-positions',
    text: `
      insert into trade_engine.positions as p (account_id, symbol, quantity, cost_basis, realized_pnl, sequence)
      select account_id, symbol, quantity, cost_basis, realized_pnl, sequence
      from unnest($1::text[], $2::text[], $3::numeric[], $4::numeric[], $5::numeric[], $6::bigint[])
        as t (account_id, symbol, quantity, cost_basis, realized_pnl, sequence)
      on conflict (account_id, symbol) do update
        set quantity = excluded.quantity, cost_basis = excluded.cost_basis, realized_pnl = excluded.realized_pnl, sequence = excluded.sequence
        where p.sequence < excluded.sequence`,
    values: [
      positions.map(row => row.accountId),
      positions.map(row => row.symbol),
      positions.map(({ position }) => quantityText(position.quantity)),
      positions.map(({ position }) => moneyText(position.costBasis)),
      positions.map(({ position }) => moneyText(position.realizedPnl)),
      positions.map(row => row.sequence.toString()),
    ],
  })
  if (rowCount !== positions.length) throw new Error(`${positions.length} positions to write, and ${rowCount} took their change`)
}

/**
 * Adds to balances. The cash writer adds to the same rows: both add deltas in one statement, under the row's lock, and both take the rows in the order of
 * the key, so that neither loses an update and they cannot deadlock.
 */
async function writeBalances(client: Client, balances: readonly BalanceChange[]): Promise<void> {
  if (balances.length === 0) return
  const { rowCount } = await client.query({
    name: 'write-balances',
    text: `
      insert into accounts.balances as b (account_id, asset, balance, dropcopy_sequence)
      select account_id, asset, amount, sequence
      from unnest($1::text[], $2::text[], $3::numeric[], $4::bigint[]) as t (account_id, asset, amount, sequence)
      order by account_id, asset
      on conflict (account_id, asset) do update
        set balance = b.balance + excluded.balance, dropcopy_sequence = excluded.dropcopy_sequence
        where b.dropcopy_sequence < excluded.dropcopy_sequence`,
    values: [
      balances.map(row => row.accountId),
      balances.map(row => row.asset),
      balances.map(row => moneyText(row.amount)),
      balances.map(row => row.sequence.toString()),
    ],
  })
  if (rowCount !== balances.length) throw new Error(`${balances.length} balances to write, and ${rowCount} took their change`)
}

/** Reads positions with their stamps, by `keyOf`; those that have no row are absent. */
export async function loadPositions(client: Client, wanted: WantedRows['positions']): Promise<Map<string, StampedPosition>> {
  if (wanted.length === 0) return new Map()
  const { rows } = await client.query<Record<'account_id' | 'symbol' | 'quantity' | 'cost_basis' | 'realized_pnl' | 'sequence', string>>({
    name: 'load-positions',
    text: `
      select p.account_id, p.symbol, p.quantity::text, p.cost_basis::text, p.realized_pnl::text, p.sequence::text
      from unnest($1::text[], $2::text[]) as w (account_id, symbol) join trade_engine.positions p using (account_id, symbol)`,
    values: [wanted.map(key => key.accountId), wanted.map(key => key.symbol)],
  })
  return new Map(
    rows.map(row => [
      keyOf(row.account_id, row.symbol),
      {
        accountId: row.account_id,
        symbol: row.symbol,
        position: {
          quantity: parseQuantity(row.quantity),
          costBasis: parseMoney(row.cost_basis),
          realizedPnl: parseMoney(row.realized_pnl),
        },
        sequence: BigInt(row.sequence),
      },
    ]),
  )
}

/** Reads the dropcopy stamps of balances, by `keyOf`; those that have no row are absent. */
export async function loadBalanceStamps(client: Client, wanted: WantedRows['balances']): Promise<Map<string, bigint>> {
  if (wanted.length === 0) return new Map()
  const { rows } = await client.query<Record<'account_id' | 'asset' | 'sequence', string>>({
    name: 'load-balance-stamps',
    text: `
      select b.account_id, b.asset, b.dropcopy_sequence::text as sequence
      from unnest($1::text[], $2::text[]) as w (account_id, asset) join accounts.balances b using (account_id, asset)`,
    values: [wanted.map(key => key.accountId), wanted.map(key => key.asset)],
  })
  return new Map(rows.map(row => [keyOf(row.account_id, row.asset), BigInt(row.sequence)]))
}

/** Reads what executions realized; those that have no trade are absent. */
export async function loadRealized(client: Client, executionIds: readonly string[]): Promise<Map<string, bigint>> {
  if (executionIds.length === 0) return new Map()
  const { rows } = await client.query<Record<'execution_id' | 'realized_pnl', string>>({
    name: 'load-realized',
    text: 'select execution_id, realized_pnl::text from trade_engine.trades where execution_id = any($1::text[])',
    values: [executionIds],
  })
  return new Map(rows.map(row => [row.execution_id, parseMoney(row.realized_pnl)]))
}
