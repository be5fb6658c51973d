import type pg from 'pg'
import type { StandingGap } from './settled-record.ts'

/**
 * Notes where a custodian contradicts itself, and returns since when each gap has been there in exactly this amount. A gap that is not named any
 * more is over. `atMs` is the wall clock, in milliseconds since 1970; a clock that went back makes no gap older.
 */
export async function upsertGaps(
  client: pg.ClientBase,
  custodian: string,
  gaps: readonly Omit<StandingGap, 'sinceMs'>[],
  atMs: number,
): Promise<readonly StandingGap[]> {
  const { rows } = await client.query<{ asset: string; amount: string; sinceMs: string }>(
    `with gaps as (select * from json_to_recordset($2::json) as g(asset text, amount text)),
    over as (delete from recon.custodian_gaps where custodian = $1 and asset not in (select asset from gaps))
    insert into recon.custodian_gaps as g (custodian, asset, amount, since_ms) select $1, asset, amount, $3 from gaps
    on conflict (custodian, asset) do update set amount = excluded.amount,
      since_ms = case when g.amount = excluded.amount then least(g.since_ms, excluded.since_ms) else excluded.since_ms end
    returning asset, amount, since_ms::text as "sinceMs"`,
    [custodian, JSON.stringify(gaps), Math.floor(atMs).toString()],
  )
  return rows.map(row => ({ ...row, sinceMs: Number(row.sinceMs) }))
}
