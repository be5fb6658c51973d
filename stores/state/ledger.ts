import type pg from 'pg'
import { epochFromJson } from '../../epoch/epoch.ts'
import { type Checkpoint, type CheckpointLayout, isUsableAt } from '../checkpoints/checkpoint.ts'
import type { CheckpointLedger, SealedHistory } from '../checkpoints/ledger.ts'
import { selectAuditPlan } from './audit-plan.ts'
import { withLease } from './checkpoint-lease.ts'
import { CURRENT_ERA } from './era.ts'
import type { StatePool } from './pool.ts'

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
    lease: (history, signal, work) => pool.use(signal, client => withLease(client, history, work)),
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
