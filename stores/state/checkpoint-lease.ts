import type pg from 'pg'
import { epochToJson } from '../../epoch/epoch.ts'
import type { Lines } from '../../epoch/leg.ts'
import { ReconError } from '../../epoch/recon-error.ts'
import type { CheckpointLease } from '../checkpoints/ledger.ts'
import { LineDigest } from '../checkpoints/line-digest.ts'
import { CURRENT_ERA } from './era.ts'
import { inTransaction } from './transaction.ts'

const PIECE_BYTES = 512 * 1024

/**
 * Runs `work` as the only maker of checkpoints over a history; undefined, and nothing run, while somebody else is. The lock belongs to the connection: whoever
 * loses that loses the lease, and can save nothing under it.
 */
export async function withLease<T>(
  client: pg.ClientBase,
  history: string,
  work: (lease: CheckpointLease) => Promise<T>,
): Promise<T | undefined> {
  const key = `recon checkpoint ${history}`
  const { rows } = await client.query<{ held: boolean }>('select pg_try_advisory_lock(hashtextextended($1, 0)) as held', [key])
  if (!rows[0]?.held) return undefined
  try {
    return await work(leaseOn(client))
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
