import type { ClickHouseClient } from '@clickhouse/client'
import type { ChildLink } from './child-link.ts'
import { type MarkCycle, type MarkRow, markText } from './mark-cycle.ts'
import type { Random } from './random.ts'
import type { NextLag } from './sink-lag.ts'
import { INSERT_ROWS_MAX, insertRows, insertWatermarks } from './sink-store.ts'

/** A cycle to be published: the rows that are written, and what its watermark says. */
export interface PublishedCycle {
  readonly cycle: MarkCycle
  /** About how many rows there will be. */
  readonly rowsPending: number
  /** Made when they are written: a cycle has as many rows as there are positions. */
  readonly rows: () => readonly MarkRow[]
  /** Distinct rows at or below this cycle; undefined where a fault holds the watermark back. */
  readonly rowsTotal: bigint | undefined
}

/** Publishes mark cycles, one after the other, each a while after it was computed, in several inserts, and then its watermark. */
export interface MarkDelivery {
  readonly add: (cycle: PublishedCycle) => void
  readonly pendingRows: () => number
  /** The dropcopy sequence of the first cycle that is not published yet, if there is one. */
  readonly firstPending: () => bigint | undefined
  /** Publishes until the parent asks for the end. */
  readonly run: () => Promise<void>
}

/** What the delivery of marks needs of its surroundings. */
export interface MarkSurroundings {
  readonly client: ClickHouseClient
  readonly link: ChildLink
  readonly lag: NextLag
  readonly random: Random
  /** Called whenever a cycle is published. */
  readonly delivered: () => void
}

const INSERTS_MIN = 3
const REST_MS = 5
/** How long the parts of a cycle are apart at the most, as a part of the longest lag. */
const PAUSE_SHARE = 1 / 20

/** Opens the delivery of marks. */
export function openMarkDelivery({ client, link, lag, random, delivered }: MarkSurroundings): MarkDelivery {
  const pending: (PublishedCycle & { readonly dueMs: number })[] = []
  let replayable: readonly MarkRow[] = []

  /** At least once, so now and then a part of this cycle or of the one before comes again. */
  const replay = async () => {
    if (replayable.length === 0 || random.uint32() / 0x100000000 >= link.start.sink.replayChance) return
    await write(replayable)
  }
  const write = (rows: readonly MarkRow[]) => insertRows(client, 'pnl_marks', rows.map(markText))

  const publish = async ({ cycle, rows, rowsTotal }: PublishedCycle) => {
    for (const piece of piecesOf(rows())) {
      await write(piece)
      link.mayCrash('within-marks')
      await replay()
      replayable = piece
      await link.rest(random.below(1 + Math.floor(link.start.sink.lagMsMax * PAUSE_SHARE)))
      if (link.signal.aborted) return false
    }
    if (rowsTotal !== undefined) {
      const watermark = { table: 'pnl_marks', stream: 'mark_cycle', sequence: cycle.number, rowsTotal } as const
      await insertWatermarks(client, [watermark], Date.now())
    }
    return true
  }

  const run = async () => {
    while (!link.signal.aborted) {
      const [next] = pending
      if (next === undefined || next.dueMs > Date.now()) {
        await link.rest(REST_MS)
        continue
      }
      if (!(await publish(next))) return
      pending.shift()
      delivered()
    }
  }
  return {
    add: cycle => {
      const nowMs = Date.now()
      pending.push({ ...cycle, dueMs: nowMs + lag(nowMs) })
    },
    pendingRows: () => pending.reduce((total, { rowsPending }) => total + rowsPending, 0),
    firstPending: () => pending[0]?.cycle.sequence,
    run,
  }
}

/** Cuts a cycle up, so that a reader may meet a part of it. */
function piecesOf(rows: readonly MarkRow[]): readonly (readonly MarkRow[])[] {
  const size = Math.min(INSERT_ROWS_MAX, Math.max(1, Math.ceil(rows.length / INSERTS_MIN)))
  return Array.from({ length: Math.ceil(rows.length / size) }, (_, piece) => rows.slice(piece * size, (piece + 1) * size))
}
