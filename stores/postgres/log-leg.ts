import { type Epoch, formatEpoch, project, sequenceOf, streamsShortOf } from '../../epoch/epoch.ts'
import type { AsOfLeg, DrainedRows, ReadContext } from '../../epoch/leg.ts'
import type { RowShape } from '../../epoch/row.ts'
import { StoreError } from '../../epoch/store-error.ts'
import { renderTemplate, type SqlTemplate } from '../sql-template.ts'
import { drainRows } from './drain-rows.ts'
import type { StreamSource } from './postgres-rows.ts'
import type { PostgresStore } from './postgres-store.ts'
import { openSession, type PostgresSession } from './session.ts'
import { beginSnapshot, readEpoch } from './snapshot.ts'

/** A log in PostgreSQL whose order is commit order, and the select over it that one side of a relation is made of. */
export interface PostgresLog {
  /** What the evidence calls it. */
  readonly name: string
  readonly store: PostgresStore
  /** The streams whose sequences the log carries. */
  readonly streams: readonly StreamSource[]
  /** A select with the columns of the shape, as of `{epoch.<stream>}` of these streams. */
  readonly rows: SqlTemplate
  readonly shape: RowShape
  /** How much of the rows may stay in memory; the rest goes to a temporary file. */
  readonly memoryBytesMax: number
}

/**
 * Makes an as-of leg out of a log in PostgreSQL. In a log whose order is commit order everything at or below E is there as soon as E is: nothing is waited for,
 * and nothing needs to be counted. The snapshot that the rows are read in must stand at E or above, which its first statement proves.
 */
export function postgresLogLeg(log: PostgresLog): AsOfLeg {
  const streams = log.streams.map(stream => stream.name)
  const none = Object.fromEntries(streams.map(stream => [stream, 0n]))
  return {
    kind: 'as-of',
    store: log.store.name,
    streams,
    strategy: 'log',
    awaitHorizon: async epoch => ({ kind: 'reached', horizon: { strategy: 'log', table: log.name, at: project(epoch, streams) } }),
    read: (epoch, _horizon, context) => {
      let rows = 0n
      return { lines: readLines(), counted: () => ({ facts: none, addresses: none, undeclared: 0n, rows }) }
      async function* readLines() {
        const drained = await readLog(log, project(epoch, streams), context)
        rows = drained.rows
        try {
          yield* drained.lines()
        } finally {
          await drained.dispose()
        }
      }
    },
    awaitChange: async () => false,
    isCaughtUp: async () => true,
    findConflicts: async () => [],
  }
}

async function readLog(log: PostgresLog, epoch: Epoch, context: ReadContext): Promise<DrainedRows> {
  // The store has answered already: it is where the epoch was read.
  const session = await openSession(log.store, context, true)
  try {
    await session.query(beginSnapshot(log.store))
    const standsAt = await readEpoch(session, log.streams)
    const behind = streamsShortOf(standsAt, epoch)
    if (behind.length > 0) {
      const where = `${log.name} stands at ${formatEpoch(standsAt)} and must reach ${formatEpoch(epoch)} (${behind.join(', ')})`
      throw new StoreError(
        log.store.name,
        'horizon-timeout',
        `${where}; see whether another server answered, such as a standby that lags`,
        {
          retryable: true,
        },
      )
    }
    await bindEpoch(session, log.streams, epoch)
    return await drainRows(session, { rows: renderLogSql(log.rows, log.streams), shape: log.shape }, log.memoryBytesMax, context)
  } finally {
    await session.close()
  }
}

/** Binds the sequences for the rest of the session's transaction; outside of one, for that of the session. */
export async function bindEpoch(session: PostgresSession, streams: readonly StreamSource[], epoch: Epoch): Promise<void> {
  for (const [at, { name }] of streams.entries()) {
    await session.query('select set_config($1, $2, $3)', [settingOf(at), sequenceOf(epoch, name).toString(), false])
  }
}

/**
 * The SQL with its placeholders as settings, since COPY, which is what moves rows fastest, takes no parameters. Each is a select of its own, so that the server
 * evaluates it once and not for every row.
 */
export function renderLogSql(template: SqlTemplate, streams: readonly StreamSource[]): string {
  return renderTemplate(template, ({ stream }) => {
    const at = streams.findIndex(({ name }) => name === stream)
    if (at === -1) throw new Error(`the SQL of a log names stream ${stream}, which it does not declare`)
    return `(select current_setting('${settingOf(at)}')::bigint)`
  })
}

function settingOf(at: number): string {
  return `recon.epoch_${at}`
}
