import type pg from 'pg'
import { type Epoch, epochToJson, fromStreams, parseSequence } from '../../epoch/epoch.ts'

/**
 * The greatest sequence per stream among the recorded runs of the current era. A run keeps the `era` that it began in, so that one which was
 * under way when an epoch was accepted does not bind the runs after it.
 */
export interface SeenEpoch {
  readonly era: bigint
  readonly epoch: Epoch
}

/** The acknowledgement that a store went back, as after a failover: it begins a new era. `epoch` is what had been seen until then. */
export interface EpochAcceptance {
  readonly era: bigint
  readonly acceptedAt: string
  readonly reason: string
  readonly epoch: Epoch
}

/** Reads how high the epochs of this era have been; streams that no run has seen are not named. */
export async function selectSeenEpoch(client: pg.ClientBase): Promise<SeenEpoch> {
  const { rows } = await client.query<{ era: string; stream: string | null; sequence: string | null }>(
    `with recursive current as (select coalesce(max(era), 0) as era from recon.epoch_acceptances),
    streams as (
      -- one index step per stream, instead of every row of the era
      select current.era, (select min(stream) from recon.run_epochs r where r.era = current.era) as stream from current
      union all
      select s.era, (select min(r.stream) from recon.run_epochs r where r.era = s.era and r.stream > s.stream)
      from streams s where s.stream is not null)
    select s.era::text as era, s.stream,
      (select max(r.sequence) from recon.run_epochs r where r.era = s.era and r.stream = s.stream)::text as sequence
    from streams s`,
  )
  const seen = new Map(
    rows.flatMap(({ stream, sequence }) => (stream === null ? [] : [[stream, parseSequence(sequence, stream)] as const])),
  )
  return { era: BigInt(rows[0]?.era ?? '0'), epoch: fromStreams([...seen.keys()], stream => seen.get(stream) ?? 0n) }
}

/** Begins a new era. */
export async function insertAcceptance(client: pg.ClientBase, reason: string): Promise<EpochAcceptance> {
  const { epoch } = await selectSeenEpoch(client)
  const { rows } = await client.query<{ era: string; acceptedAt: string }>(
    `insert into recon.epoch_acceptances (reason, epoch) values ($1, $2::json)
    returning era::text as era, to_char(accepted_at at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') as "acceptedAt"`,
    [reason, JSON.stringify(epochToJson(epoch))],
  )
  const [accepted] = rows
  return { era: BigInt(accepted?.era ?? '0'), acceptedAt: accepted?.acceptedAt ?? '', reason, epoch }
}
