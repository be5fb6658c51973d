import type pg from 'pg'
import { epochFromJson, epochToJson } from '../../epoch/epoch.ts'
import type { Lines } from '../../epoch/leg.ts'
import { ReconError } from '../../epoch/recon-error.ts'
import { type Checkpoint, type CheckpointLayout, isUsableAt } from '../checkpoints/checkpoint.ts'
import type { AuditStretch, CheckpointLease, CheckpointLedger, SealedHistory } from '../checkpoints/ledger.ts'
import { LineDigest } from '../checkpoints/line-digest.ts'
import type { StatePool } from './pool.ts'
import { inTransaction } from './transaction.ts'

const PIECE_BYTES = 512 * 1024
const CURRENT_ERA = 'coalesce((select max(era) from recon.epoch_acceptances), 0)'
const iso = (column: string) => `to_char(${column} at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')`

interface CheckpointRow {
  readonly id: string
  readonly from: Readonly<Record<string, string>>
  readonly facts: Readonly<Record<string, string>>
  readonly keys: string
  readonly digest: string
  readonly layout: CheckpointLayout
  readonly madeAt: string
  readonly auditedAt: string | null
}

/** The ledger of checkpoints in recon's own database. */
export function openLedger(pool: StatePool): CheckpointLedger {
  return {
    identity: signal =>
      pool.use(signal, async client => {
        const { rows } = await client.query<{ id: string }>('select id::text from recon.ledger')
        return rows[0]?.id ?? ''
      }),
    find: async (leg, epoch, signal) => {
      const found = await pool.use(signal, client => selectCheckpoints(client, leg))
      return found.find(({ from }) => isUsableAt(from, epoch))
    },
    lines: (id, signal) => readPieces(pool, id, signal),
    discard: async (id, signal) => {
      await pool.use(signal, client => client.query('delete from recon.checkpoints where id = $1', [id.toString()]))
    },
    lease: (history, signal, work) => pool.use(signal, client => withLock(client, history, () => work(leaseOn(client)))),
    forget: (history, signal) =>
      pool.use(signal, async client => {
        const { rows } = await client.query<{ checkpoints: string }>(
          `with gone as (delete from recon.sealed_histories where $1::text is null or history = $1 returning history)
          select count(*)::text as checkpoints from recon.checkpoints where history in (select history from gone)`,
          [history ?? null],
        )
        return BigInt(rows[0]?.checkpoints ?? '0')
      }),
    discardOver: async (history, signal) => {
      await pool.use(signal, client =>
        client.query(
          `with voided as (update recon.sealed_histories set generation = gen_random_uuid() where history = $1 returning history)
          delete from recon.checkpoints where history in (select history from voided)`,
          [history],
        ),
      )
    },
    histories: signal => pool.use(signal, selectHistories),
    generation: (history, signal) =>
      pool.use(signal, async client => {
        const { rows } = await client.query<{ generation: string }>(
          'select generation::text from recon.sealed_histories where history = $1',
          [history],
        )
        return rows[0]?.generation
      }),
    segments: (history, stream, first, last, signal) =>
      pool.use(signal, async client => {
        const { rows } = await client.query<{ segment: string; facts: string; digest: string }>(
          `select segment::text, facts::text, digest::text from recon.segments
          where history = $1 and stream = $2 and segment between $3 and $4 order by recon.segments.segment`,
          [history, stream, first.toString(), last.toString()],
        )
        return rows.map(({ segment, facts, digest }) => ({ number: BigInt(segment), facts: BigInt(facts), digest }))
      }),
    auditPlan: (histories, signal) => pool.use(signal, client => selectAuditPlan(client, histories)),
    entries: (history, stream, segment, signal) =>
      pool.use(signal, async client => {
        const { rows } = await client.query<{ entries: Buffer }>(
          'select entries from recon.segments where history = $1 and stream = $2 and segment = $3',
          [history, stream, segment.toString()],
        )
        return rows[0]?.entries ?? new Uint8Array()
      }),
    audited: async (history, stream, numbers, signal) => {
      await pool.use(signal, client =>
        client.query('update recon.segments set audited_at = now() where history = $1 and stream = $2 and segment = any($3::bigint[])', [
          history,
          stream,
          numbers.map(String),
        ]),
      )
    },
  }
}

async function selectCheckpoints(client: pg.ClientBase, leg: string): Promise<readonly Checkpoint[]> {
  const { rows } = await client.query<CheckpointRow>(
    `select c.id::text, c.first_sequences as from, c.facts, c.keys::text, c.digest, c.layout, ${iso('c.made_at')} as "madeAt",
      ${iso('(select min(s.audited_at) from recon.segments s where s.history = c.history)')} as "auditedAt"
    from recon.checkpoints c where c.leg = $1 and c.era = ${CURRENT_ERA}
      and exists (select from recon.sealed_histories t where t.history = c.history and t.era = c.era)
    order by c.id desc`,
    [leg],
  )
  return rows.map(({ id, from, facts, keys, ...rest }) => ({
    ...rest,
    id: BigInt(id),
    from: epochFromJson(from),
    facts: Object.fromEntries(Object.entries(facts).map(([stream, count]) => [stream, BigInt(count)])),
    keys: BigInt(keys),
  }))
}

async function selectHistories(client: pg.ClientBase): Promise<readonly SealedHistory[]> {
  const { rows } = await client.query<{
    history: string
    generation: string
    title: string
    size: string
    streams: readonly { stream: string; next: string }[] | null
    segments: string
    auditedAt: string | null
  }>(
    `select h.history, h.generation::text, h.title, h.segment_sequences::text as size,
      (select json_agg(json_build_object('stream', t.stream, 'next', t.next_segment::text) order by t.stream)
        from recon.sealed_streams t where t.history = h.history) as streams,
      (select count(*) from recon.segments s where s.history = h.history)::text as segments,
      ${iso('(select min(s.audited_at) from recon.segments s where s.history = h.history)')} as "auditedAt"
    from recon.sealed_histories h where h.era = ${CURRENT_ERA} order by h.title, h.history`,
  )
  return rows.map(({ size, streams, segments, ...rest }) => ({
    ...rest,
    segmentSequences: BigInt(size),
    streams: (streams ?? []).map(({ stream, next }) => ({ stream, next: BigInt(next) })),
    segments: BigInt(segments),
  }))
}

interface StretchRow {
  readonly history: string
  readonly stream: string
  readonly first: string
  readonly last: string
  readonly segments: number
}

/** Neighbours that were looked at last together are one stretch, up to so many segments. */
const STRETCH_SEGMENTS_MAX = 64n

async function selectAuditPlan(client: pg.ClientBase, histories: readonly string[]): Promise<readonly AuditStretch[]> {
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

async function* readPieces(pool: StatePool, id: bigint, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  for (let piece = 0; ; piece++) {
    const at = piece
    const { rows } = await pool.use(signal, client =>
      client.query<{ lines: Buffer }>('select lines from recon.checkpoint_lines where checkpoint = $1 and piece = $2', [id.toString(), at]),
    )
    const [found] = rows
    if (!found) return
    yield found.lines
  }
}

/** The lock belongs to the connection: whoever loses that loses the lease, and can save nothing under it. */
async function withLock<T>(client: pg.ClientBase, history: string, work: () => Promise<T>): Promise<T | undefined> {
  const key = `recon checkpoint ${history}`
  const { rows } = await client.query<{ held: boolean }>('select pg_try_advisory_lock(hashtextextended($1, 0)) as held', [key])
  if (!rows[0]?.held) return undefined
  try {
    return await work()
  } finally {
    await client.query('select pg_advisory_unlock(hashtextextended($1, 0))', [key])
  }
}

function leaseOn(client: pg.ClientBase): CheckpointLease {
  let generation: string | undefined
  /** Within a transaction: holds the history as it was when the lease began, or throws. */
  const hold = async (history: string) => {
    const { rowCount } = await client.query('select from recon.sealed_histories where history = $1 and generation = $2 for share', [
      history,
      generation ?? null,
    ])
    if (rowCount !== 1)
      throw new ReconError('superseded', 'what was kept of this history was thrown away meanwhile; the next balanced run begins anew')
  }
  return {
    sealed: async (history, title, era, segmentSequences, streams) => {
      const { rows: eras } = await client.query<{ current: string }>(`select ${CURRENT_ERA}::text as current`)
      if (eras[0]?.current !== era.toString()) return undefined
      await client.query('delete from recon.sealed_histories where history = $1 and (era < $2 or segment_sequences <> $3)', [
        history,
        era.toString(),
        segmentSequences.toString(),
      ])
      await client.query(
        `with sealed as (insert into recon.sealed_histories (history, title, era, segment_sequences) values ($1, $2, $3, $4) on conflict do nothing)
        select`,
        [history, title, era.toString(), segmentSequences.toString()],
      )
      await client.query('insert into recon.sealed_streams (history, stream) select $1, unnest($2::text[]) on conflict do nothing', [
        history,
        streams,
      ])
      const { rows } = await client.query<{ generation: string; stream: string; next: string }>(
        `select generation::text, stream, next_segment::text as next from recon.sealed_histories join recon.sealed_streams using (history)
        where history = $1 and stream = any($2)`,
        [history, streams],
      )
      generation = rows[0]?.generation
      return rows.map(({ stream, next }) => ({ stream, next: BigInt(next) }))
    },
    seal: (history, stream, segments, next) =>
      inTransaction(client, async () => {
        await hold(history)
        for (const { number, facts, digest, entries } of segments) {
          await client.query(
            'insert into recon.segments (history, stream, segment, facts, digest, entries) values ($1, $2, $3, $4, $5, $6)',
            [history, stream, number.toString(), facts.toString(), digest, entries],
          )
        }
        await client.query('update recon.sealed_streams set next_segment = $3 where history = $1 and stream = $2', [
          history,
          stream,
          next.toString(),
        ])
      }),
    factsBefore: async (history, stream, next) => {
      const { rows } = await client.query<{ facts: string }>(
        'select coalesce(sum(facts), 0)::text as facts from recon.segments where history = $1 and stream = $2 and segment < $3',
        [history, stream, next.toString()],
      )
      return BigInt(rows[0]?.facts ?? '0')
    },
    newId: async () => {
      const { rows } = await client.query<{ id: string }>(`select nextval(pg_get_serial_sequence('recon.checkpoints', 'id'))::text as id`)
      return BigInt(rows[0]?.id ?? '0')
    },
    save: (checkpoint, values) =>
      inTransaction(client, async () => {
        const { id, leg, history, check, runId, era, from, facts, layout } = checkpoint
        await hold(history)
        const { rowCount } = await client.query(
          `insert into recon.checkpoints (id, leg, history, check_name, run_id, era, first_sequences, facts, keys, digest, layout)
          overriding system value
          select $1::bigint, $2, $3, $4, $5, $6::bigint, $7::json, $8::json, $9::bigint, $10, $11 where $6::bigint = ${CURRENT_ERA}`,
          [
            id.toString(),
            leg,
            history,
            check,
            runId,
            era.toString(),
            JSON.stringify(epochToJson(from)),
            JSON.stringify(Object.fromEntries(Object.entries(facts).map(([stream, count]) => [stream, count.toString()]))),
            '0',
            '',
            layout,
          ],
        )
        if (rowCount !== 1) return false
        const { keys, digest } = 'lines' in values ? await writePieces(client, id, values.lines) : values
        await client.query('update recon.checkpoints set keys = $2, digest = $3 where id = $1', [id.toString(), keys.toString(), digest])
        return true
      }),
    retire: async (leg, keep) => {
      await client.query(
        `delete from recon.checkpoints where leg = $1 and (era <> ${CURRENT_ERA} or id not in (select id from recon.checkpoints where leg = $1 order by id desc limit $2))`,
        [leg, keep],
      )
      const { rows } = await client.query<{ id: string }>('select id::text from recon.checkpoints where leg = $1', [leg])
      return rows.map(({ id }) => BigInt(id))
    },
  }
}

async function writePieces(client: pg.ClientBase, id: bigint, lines: Lines): Promise<{ readonly keys: bigint; readonly digest: string }> {
  const digest = new LineDigest()
  let pending: Uint8Array[] = []
  let bytes = 0
  let piece = 0
  const flush = async () => {
    await client.query('insert into recon.checkpoint_lines (checkpoint, piece, lines) values ($1, $2, $3)', [
      id.toString(),
      piece++,
      Buffer.concat(pending),
    ])
    pending = []
    bytes = 0
  }
  for await (const chunk of digest.of(lines)) {
    pending.push(chunk)
    bytes += chunk.length
    if (bytes >= PIECE_BYTES) await flush()
  }
  if (bytes > 0) await flush()
  return { keys: digest.keys, digest: digest.text }
}
