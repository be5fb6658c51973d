import type { ClickHouseClient } from '@clickhouse/client'
import type { Client } from 'pg'
import { distortCycle, faultsOfCycle } from '../faults/mark-faults.ts'
import type { PlannedFault } from '../faults/planned-fault.ts'
import { watermarkFault } from '../faults/sink-faults.ts'
import type { ChildLink } from './child-link.ts'
import { openDropcopy } from './dropcopy.ts'
import type { DropcopyEvent } from './dropcopy-event.ts'
import { cycleNumberAt, markRows, sequenceOfCycle } from './mark-cycle.ts'
import { openMarkDelivery } from './mark-delivery.ts'
import { openMarket } from './market.ts'
import type { Progress } from './messages.ts'
import { purposes, randomAt } from './random.ts'
import { type Delivery, openDelivery, type SinkBatch } from './sink-delivery.ts'
import { foldIntoRows, type SinkMemory, transferRows } from './sink-fold.ts'
import { varyingLag } from './sink-lag.ts'
import { type Counter, recoverSink } from './sink-recovery.ts'
import { positionText, type SinkTable, type TextRow, transactionText, type Watermark } from './sink-store.ts'
import { readTransfers } from './transfer-feed.ts'

const EVENTS_MAX = 5_000n
const TRANSFERS_MAX = 5_000
const PENDING_ROWS_MAX = 200_000
const POLL_MS = 10

/** What the sink has consumed of one table and stream: the sequence, and the distinct rows up to it. Counts nothing at or below where it was recovered. */
interface Tally {
  sequence: bigint
  rows: bigint
}

/**
 * Runs the sink until the parent asks for its end: reads the dropcopy and, from the incumbent's transfers, the cash stream, and delivers their rows and
 * watermarks to ClickHouse. Whatever it was killed in the middle of, it folds again from what it had vouched for.
 */
export async function runSink(link: ChildLink, postgres: Client, clickhouse: ClickHouseClient): Promise<void> {
  const market = openMarket(link.start.spec)
  const dropcopy = openDropcopy(market)
  const recovered = await recoverSink(clickhouse, last =>
    market.spec.markEveryEvents > 0 ? sequenceOfCycle(market, last + 1n) : undefined,
  )
  const { memory } = recovered
  const tallies = {
    transactionsDropcopy: tallyFrom(recovered.transactionsDropcopy),
    transactionsCash: tallyFrom(recovered.transactionsCash),
    positionsDropcopy: tallyFrom(recovered.positionsDropcopy),
  }
  const marked = tallyFrom(recovered.marks)
  let consumed = recovered.folded
  const done = new Map<string, bigint>([
    ['transactions/dropcopy', tallies.transactionsDropcopy.sequence],
    ['transactions/cash', tallies.transactionsCash.sequence],
    ['positions/dropcopy', tallies.positionsDropcopy.sequence],
  ])
  const doneOf = (table: SinkTable, stream: Watermark['stream']) => done.get(`${table}/${stream}`) ?? 0n
  const announced = new Map(done)

  const delivery = (table: SinkTable, salt: bigint): Delivery =>
    openDelivery(table, {
      client: clickhouse,
      link,
      // Salted by the process, so that a sink which is killed again and again does not live through the same weather each time.
      lag: varyingLag(market.seed, BigInt(process.pid) * 2n + salt, link.start.sink.lagMsMin, link.start.sink.lagMsMax),
      random: randomAt(market.seed, purposes.replay, BigInt(process.pid) * 2n + salt),
      vouch: watermarks => vouchedFor(link.faults(), watermarks),
      delivered: watermarks => {
        for (const watermark of watermarks) done.set(`${watermark.table}/${watermark.stream}`, watermark.sequence)
        link.send({ type: 'progress', progress: progress() })
      },
    })
  const transactions = delivery('transactions', 0n)
  const positions = delivery('positions', 1n)
  const salt = BigInt(process.pid)
  const marks = openMarkDelivery({
    client: clickhouse,
    link,
    lag: varyingLag(market.seed, -1n - salt, link.start.sink.lagMsMin, link.start.sink.lagMsMax),
    random: randomAt(market.seed, purposes.replay, -1n - salt),
    delivered: () => link.send({ type: 'progress', progress: progress() }),
  })
  const pendingRows = () => transactions.pendingRows() + positions.pendingRows() + marks.pendingRows()
  const progress = (): Progress => {
    const rows = lesser(doneOf('transactions', 'dropcopy'), doneOf('positions', 'dropcopy'))
    const cycle = marks.firstPending()
    return {
      dropcopy: cycle === undefined ? rows : lesser(rows, cycle - 1n),
      cash: doneOf('transactions', 'cash'),
      halted: false,
      pendingRows: pendingRows(),
    }
  }
  link.send({ type: 'ready', progress: progress() })

  /** Computes the cycle that is due with this event, if one is, from the positions as of it. */
  const mark = ({ sequence, occurredAtMicros }: DropcopyEvent) => {
    const number = cycleNumberAt(market, sequence)
    if (number === undefined || number <= marked.sequence) return
    const cycle = { number, sequence, markedAtMicros: occurredAtMicros }
    const positions = [...memory.positions.entries()]
    const rows = () => markRows(market, cycle, positions)
    const faults = faultsOfCycle(link.faults(), cycle)
    const wrong = faults.length === 0 ? undefined : distortCycle(faults, rows())
    for (const part of wrong?.planted ?? []) link.send({ type: 'planted', part })
    marked.sequence = number
    marked.rows += BigInt(wrong?.counted ?? positions.length)
    marks.add({
      cycle,
      rowsPending: positions.length,
      rows: wrong ? () => wrong.write : rows,
      rowsTotal: wrong?.vouched === false ? undefined : marked.rows,
    })
  }

  const consume = async () => {
    while (!link.signal.aborted) {
      if (link.paused() || pendingRows() > PENDING_ROWS_MAX) {
        await link.rest(POLL_MS)
        continue
      }
      const head = link.head()
      const through = head < consumed + EVENTS_MAX ? head : consumed + EVENTS_MAX
      const batch = openBatch(memory, link.faults())
      for (const event of dropcopy.between(consumed, through)) {
        batch.event(event, tallies)
        mark(event)
      }
      for (const transfer of await readTransfers(postgres, tallies.transactionsCash.sequence, TRANSFERS_MAX))
        batch.transfer(transfer, tallies)
      consumed = through > consumed ? through : consumed
      for (const part of batch.planted) link.send({ type: 'planted', part })
      for (const closed of batch.close(tallies, consumed, announced))
        (closed.table === 'transactions' ? transactions : positions).add(closed)
      if (through === head) await link.rest(link.start.sink.batchMs)
    }
  }
  await Promise.all([consume(), transactions.run(), positions.run(), marks.run()])
}

type Tallies = Record<'transactionsDropcopy' | 'transactionsCash' | 'positionsDropcopy', Tally>

/** Collects the rows of what is consumed in one go. */
function openBatch(memory: SinkMemory, faults: readonly PlannedFault[]) {
  const rows: { transactions: TextRow[]; late: TextRow[]; positions: TextRow[]; latePositions: TextRow[] } = {
    transactions: [],
    late: [],
    positions: [],
    latePositions: [],
  }
  const planted: ReturnType<typeof foldIntoRows>['planted'][number][] = []
  const keep = (made: ReturnType<typeof foldIntoRows>) => {
    rows.transactions.push(...made.transactions.map(transactionText))
    rows.late.push(...made.lateTransactions.map(transactionText))
    rows.positions.push(...made.positions.map(positionText))
    rows.latePositions.push(...made.latePositions.map(positionText))
    planted.push(...made.planted)
  }
  return {
    planted,
    event(event: Parameters<typeof foldIntoRows>[1], tallies: Tallies) {
      const made = foldIntoRows(memory, event, faults)
      keep(made)
      count(tallies.transactionsDropcopy, event.sequence, made.transactionsCounted)
      count(tallies.positionsDropcopy, event.sequence, made.positionsCounted)
    },
    transfer(transaction: Parameters<typeof transferRows>[0], tallies: Tallies) {
      const made = transferRows(transaction, faults)
      keep(made)
      count(tallies.transactionsCash, transaction.sequence, made.transactionsCounted)
    },
    close(tallies: Tallies, consumed: bigint, announced: Map<string, bigint>) {
      // Events without rows move a watermark as well.
      if (consumed > tallies.transactionsDropcopy.sequence) tallies.transactionsDropcopy.sequence = consumed
      if (consumed > tallies.positionsDropcopy.sequence) tallies.positionsDropcopy.sequence = consumed
      const mark = (table: SinkTable, stream: Watermark['stream'], tally: Tally): Watermark[] => {
        if (tally.sequence <= (announced.get(`${table}/${stream}`) ?? 0n)) return []
        announced.set(`${table}/${stream}`, tally.sequence)
        return [{ table, stream, sequence: tally.sequence, rowsTotal: tally.rows }]
      }
      const batches: (SinkBatch & { table: SinkTable })[] = [
        {
          table: 'transactions',
          rows: rows.transactions,
          once: planted.length > 0,
          watermarks: [
            ...mark('transactions', 'dropcopy', tallies.transactionsDropcopy),
            ...mark('transactions', 'cash', tallies.transactionsCash),
          ],
        },
        {
          table: 'positions',
          rows: rows.positions,
          once: planted.length > 0,
          watermarks: mark('positions', 'dropcopy', tallies.positionsDropcopy),
        },
        { table: 'transactions', rows: rows.late, watermarks: [], late: true },
        { table: 'positions', rows: rows.latePositions, watermarks: [], late: true },
      ]
      return batches.filter(batch => batch.rows.length > 0 || batch.watermarks.length > 0)
    },
  }
}

function count(tally: Tally, sequence: bigint, rows: number): void {
  if (sequence <= tally.sequence) return
  tally.sequence = sequence
  tally.rows += BigInt(rows)
}

/** What is really vouched for: a fault may hold a watermark back, or give it a twin that disagrees. */
function vouchedFor(faults: readonly PlannedFault[], watermarks: readonly Watermark[]): readonly Watermark[] {
  return watermarks.flatMap(watermark => {
    const fault = watermark.stream === 'dropcopy' ? watermarkFault(faults, watermark.table, watermark.sequence) : undefined
    if (fault === 'stuck') return []
    return fault === 'twin' ? [watermark, { ...watermark, rowsTotal: watermark.rowsTotal + 1n }] : [watermark]
  })
}

function tallyFrom(counter: Counter): Tally {
  return { sequence: counter.sequence, rows: counter.rowsTotal }
}

function lesser(a: bigint, b: bigint): bigint {
  return a < b ? a : b
}
