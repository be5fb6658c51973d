import type pg from 'pg'
import type { AuditStretch } from '../checkpoints/ledger.ts'

interface StretchRow {
  readonly history: string
  readonly stream: string
  readonly first: string
  readonly last: string
  readonly segments: number
}

/** Neighbours that were looked at last together are one stretch, up to so many segments. */
const STRETCH_SEGMENTS_MAX = 64n

/** What an audit of these histories must look at, the stretches that were looked at least recently first. */
export async function selectAuditPlan(client: pg.ClientBase, histories: readonly string[]): Promise<readonly AuditStretch[]> {
  const { rows } = await client.query<StretchRow>(
    `with sealed as (
      select history, stream, segment, audited_at, next_segment,
        coalesce(lag(segment) over neighbours + 1, 0) as first, lead(segment) over neighbours is null as is_last
      from recon.segments join recon.sealed_streams using (history, stream) where history = any($1)
      window neighbours as (partition by history, stream order by segment)),
    stretches as (
      select history, stream, first, case when is_last then next_segment - 1 else segment end as last, 1 as segments, audited_at from sealed
      union all
      select history, stream, 0, next_segment - 1, 0, '-infinity' from recon.sealed_streams t
      where history = any($1) and next_segment > 0 and not exists (select from recon.segments s where s.history = t.history and s.stream = t.stream))
    select history, stream, first::text, last::text, segments from stretches order by audited_at, history, stream, stretches.first`,
    [histories],
  )
  const stretches: AuditStretch[] = []
  for (const { history, stream, segments, ...ends } of rows) {
    const [first, last] = [BigInt(ends.first), BigInt(ends.last)]
    const before = stretches.at(-1)
    const goesOn = before?.history === history && before.stream === stream && before.last + 1n === first
    if (before && goesOn && before.segments < STRETCH_SEGMENTS_MAX)
      stretches[stretches.length - 1] = { ...before, last, segments: before.segments + BigInt(segments) }
    else stretches.push({ history, stream, first, last, segments: BigInt(segments) })
  }
  return stretches
}
