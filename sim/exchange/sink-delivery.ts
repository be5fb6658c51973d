import type { ClickHouseClient } from '@clickhouse/client'
import type { ChildLink } from './child-link.ts'
import type { Random } from './random.ts'
import type { NextLag } from './sink-lag.ts'
import { INSERT_ROWS_MAX, insertRows, insertWatermarks, type SinkTable, type TextRow, type Watermark } from './sink-store.ts'

/** What has been consumed for one table since the batch before. */
export interface SinkBatch {
  readonly rows: readonly TextRow[]
  /** What may be vouched for once this batch and all before it are written. */
  readonly watermarks: readonly Watermark[]
  /** True for rows that no watermark waits for. */
  readonly late?: boolean
  /** True for rows that are never sent again: those of a fault, which a replay would bring back after its repair. */
  readonly once?: boolean
}

/** Delivers the batches of one table, each at its own time; the other table has a delivery of its own, so the two get out of step. */
export interface Delivery {
  readonly add: (batch: SinkBatch) => void
  /** Rows that are added and not yet written, or not yet vouched for. */
  readonly pendingRows: () => number
  /** Delivers until the parent asks for the end. */
  readonly run: () => Promise<void>
}

/** What a delivery needs of its surroundings. `delivered` hears of watermarks once they are written. */
export interface DeliverySurroundings {
  readonly client: ClickHouseClient
  readonly link: ChildLink
  readonly lag: NextLag
  readonly random: Random
  readonly delivered: (watermarks: readonly Watermark[]) => void
  /** The watermarks that are really written, which the sink's faults may change. */
  readonly vouch: (watermarks: readonly Watermark[]) => readonly Watermark[]
}

interface Pending extends SinkBatch {
  readonly dueMs: number
  written: boolean
}

const REPLAYABLE_BATCHES = 40
const REST_MS = 5

/** Opens the delivery of one table. */
export function openDelivery(table: SinkTable, { client, link, lag, random, delivered, vouch }: DeliverySurroundings): Delivery {
  let pending: Pending[] = []
  const replayable: (readonly TextRow[])[] = []
  const { replayChance, lateMsMin, lateMsMax } = link.start.sink

  const add = (batch: SinkBatch) => {
    const nowMs = Date.now()
    const extraMs = batch.late === true ? lateMsMin + random.below(1 + lateMsMax - lateMsMin) : 0
    pending.push({ ...batch, dueMs: nowMs + lag(nowMs) + extraMs, written: false })
  }

  const writeDue = async () => {
    const due = pending.filter(batch => !batch.written && batch.dueMs <= Date.now())
    const rows = takeWhole(due)
    const taken = due.slice(0, rows.batches)
    if (taken.length === 0) return false
    await insertRows(client, table, rows.rows)
    if (rows.rows.length > 0) link.mayCrash('after-rows')
    for (const batch of taken) {
      batch.written = true
      if (batch.rows.length === 0 || batch.once === true) continue
      replayable.push(batch.rows)
      if (replayable.length > REPLAYABLE_BATCHES) replayable.shift()
    }
    return true
  }

  /** At least once, so now and then an earlier batch comes again. */
  const replay = async () => {
    if (replayable.length === 0 || random.uint32() / 0x100000000 >= replayChance) return
    await insertRows(client, table, replayable[random.below(replayable.length)] ?? [])
  }

  /** Vouches for the batches that are written, up to the first that is not. */
  const vouchForWritten = async () => {
    const firstUnwritten = pending.findIndex(batch => !batch.written && batch.late !== true)
    const whole = firstUnwritten < 0 ? pending : pending.slice(0, firstUnwritten)
    const watermarks = latest(whole.flatMap(batch => batch.watermarks))
    await insertWatermarks(client, vouch(watermarks), Date.now())
    pending = pending.filter((batch, index) => !batch.written || (firstUnwritten >= 0 && index >= firstUnwritten))
    return watermarks
  }

  const run = async () => {
    while (!link.signal.aborted) {
      if (!(await writeDue())) {
        await link.rest(REST_MS)
        continue
      }
      await replay()
      delivered(await vouchForWritten())
    }
  }
  return {
    add,
    pendingRows: () => pending.reduce((total, batch) => total + batch.rows.length, 0),
    run,
  }
}

/** The rows of as many whole batches as fit into one insert. */
function takeWhole(due: readonly SinkBatch[]): { rows: TextRow[]; batches: number } {
  const rows: TextRow[] = []
  let batches = 0
  for (const batch of due) {
    if (batches > 0 && rows.length + batch.rows.length > INSERT_ROWS_MAX) break
    rows.push(...batch.rows)
    batches += 1
  }
  return { rows, batches }
}

/** The last watermark of each table and stream. */
function latest(watermarks: readonly Watermark[]): readonly Watermark[] {
  return [...new Map(watermarks.map(watermark => [`${watermark.table}/${watermark.stream}`, watermark])).values()]
}
