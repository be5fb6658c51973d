import type pg from 'pg'
import type { HistoryQuery, RecordableRun, RunRecord } from './run-record.ts'

/**
 * Records a finished run, once: a run that is there already stays as it is, and false is returned. `era` is the one that was current when
 * the run began; undefined: the one that is current now.
 */
export async function insertRun(client: pg.ClientBase, run: RecordableRun, era: bigint | undefined): Promise<boolean> {
  const { rows } = await client.query(
    `with recorded as (
      insert into recon.runs (run_id, check_name, verdict, reason_code, epoch, started_at, finished_at, era, document)
      values ($1, $2, $3, $4, $5::json, $6::timestamptz, $7::timestamptz,
        coalesce($8::bigint, (select max(era) from recon.epoch_acceptances), 0), $9::json)
      on conflict (run_id) do nothing
      returning position, era, epoch, reason_code),
    heights as (
      -- a run that saw the epoch go back is no witness of how high it had been, and one at an epoch that is not the engine's neither
      insert into recon.run_epochs (era, stream, sequence, position)
      select era, key, value::bigint, position from recorded cross join lateral json_each_text(epoch)
      where reason_code <> 'epoch-regression' and $10::boolean)
    select position from recorded`,
    [
      run.runId,
      run.check,
      run.verdict,
      run.reasonCode,
      run.epoch ? JSON.stringify(run.epoch) : null,
      run.startedAt,
      run.finishedAt,
      era?.toString() ?? null,
      JSON.stringify(run),
      run.epochOf === undefined,
    ],
  )
  return rows.length > 0
}

const RUN_COLUMNS = `run_id as "runId", check_name as "check", verdict, reason_code as "reasonCode", epoch,
  to_char(started_at at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') as "startedAt",
  to_char(finished_at at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') as "finishedAt",
  to_char(recorded_at at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') as "recordedAt",
  document::text as document`

/** The runs that `query` asks for, newest first. An unknown `before` gives none. */
export async function selectRuns(client: pg.ClientBase, query: HistoryQuery): Promise<readonly RunRecord[]> {
  const { rows } = await client.query<RunRecord>(
    `select ${RUN_COLUMNS} from recon.runs
    where ($1::text is null or check_name = $1)
      and ($2::text is null or verdict = $2)
      and ($3::text is null or position < (select position from recon.runs where run_id = $3))
    order by position desc limit $4`,
    [query.check ?? null, query.verdict ?? null, query.before ?? null, query.limit],
  )
  return rows
}

/** The IDs of the runs that begin with a text, the newest first, at most `limit` of them. */
export async function selectRunIds(client: pg.ClientBase, prefix: string, limit: number): Promise<readonly string[]> {
  const { rows } = await client.query<{ runId: string }>(
    'select run_id as "runId" from recon.runs where starts_with(run_id, $1) order by position desc limit $2',
    [prefix, limit],
  )
  return rows.map(({ runId }) => runId)
}

/** One run by its ID; undefined when there is none. */
export async function selectRun(client: pg.ClientBase, runId: string): Promise<RunRecord | undefined> {
  const { rows } = await client.query<RunRecord>(`select ${RUN_COLUMNS} from recon.runs where run_id = $1`, [runId])
  return rows[0]
}
