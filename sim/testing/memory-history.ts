import { addDecimals, formatDecimal, parseDecimal } from '../../epoch/decimal.ts'
import { type Epoch, project, type Sequence, sequenceOf } from '../../epoch/epoch.ts'
import { type CountedRows, chooseHorizon, type HorizonReply, type Watermark } from '../../epoch/horizon.ts'
import type { AsOfLeg, LegContext } from '../../epoch/leg.ts'
import { encodeRows, type PlainRow, withCanary } from '../../epoch/plain-row.ts'
import type { RowShape } from '../../epoch/row.ts'
import { amountsOf, type Fact, keyText } from './fact.ts'
import { inPieces } from './memory-state.ts'
import { atOnce, type RoundTrip } from './round-trip.ts'

/** What a history store in memory is made of. */
export interface MemoryHistoryOptions {
  readonly shape: RowShape
  readonly streams: readonly string[]
  readonly store?: string
  readonly table?: string
  /** The places of the value columns, 18 unless given. */
  readonly places?: number
  /** Whether the server is known to show all that was ever written to it: true unless given, false for a replica with a queue. */
  readonly caughtUp?: boolean
  /** How completeness is known: by watermarks unless given, or by waiting so long. */
  readonly settleMs?: number
  readonly roundTrip?: RoundTrip
}

/** A watermark as the sink writes it: so many distinct facts of the stream at or below the sequence. */
export interface WrittenWatermark {
  readonly stream: string
  readonly sequence: Sequence
  readonly rowsTotal: bigint
}

/**
 * Append-only history in memory with ClickHouse's visibility: a row can be seen as soon as it is inserted and not before, in any order, as often as it is delivered;
 * nothing ties rows and watermarks together but the order in which they are written. Whoever is late inserts late.
 */
export interface MemoryHistory {
  /** Appends facts. Throws `ReconError` (`invalid-amount`), and appends none of them, where an amount has more places than the column. */
  insert(facts: readonly Fact[]): void
  /** Takes rows away, by content address: for repairing a fault. */
  remove(ids: readonly string[]): void
  /** Vouches for `rowsTotal` distinct facts of the stream at or below `sequence`. */
  watermark(stream: string, sequence: Sequence, rowsTotal: bigint): void
  /** Every row that is there now, repeated deliveries included, and every watermark, in the order in which they were written. */
  readonly facts: readonly Fact[]
  readonly watermarks: readonly WrittenWatermark[]
  /** Readings that were begun and neither ended nor given up: none, once every run has settled. */
  readonly openReadings: number
  readonly leg: AsOfLeg
}

const POLL_MS = 10

/** Makes an empty history store. */
export function memoryHistory(options: MemoryHistoryOptions): MemoryHistory {
  const { shape, streams, store = 'memory-history', table = 'facts', places = 18, caughtUp = true, settleMs, roundTrip = atOnce } = options
  let written: readonly Fact[] = []
  const watermarks: WrittenWatermark[] = []
  let open = 0

  const upTo = (horizon: Epoch) =>
    written.filter(({ stream, sequence }) => !streams.includes(stream) || sequence <= sequenceOf(horizon, stream))

  const look = async (epoch: Epoch, context: LegContext): Promise<HorizonReply> => {
    await roundTrip('watermarks', context)
    const standing = new Map<string, Sequence>()
    const least = new Map<string, Watermark>()
    for (const { stream, sequence, rowsTotal } of watermarks) {
      if (sequence > (standing.get(stream) ?? -1n)) standing.set(stream, sequence)
      if (sequence < sequenceOf(epoch, stream)) continue
      const sofar = least.get(stream)
      if (!sofar || sequence < sofar.sequence) least.set(stream, { stream, sequence, rowsTotal: [rowsTotal] })
      else if (sequence === sofar.sequence && !sofar.rowsTotal.includes(rowsTotal)) {
        least.set(stream, { ...sofar, rowsTotal: [...sofar.rowsTotal, rowsTotal] })
      }
    }
    return chooseHorizon(table, epoch, streams, least, standing)
  }

  const leg: AsOfLeg = {
    kind: 'as-of',
    store,
    streams,
    strategy: settleMs === undefined ? 'watermark' : 'settle',
    awaitHorizon: async (epoch, deadlineMs, context) => {
      if (settleMs !== undefined) {
        await context.clock.sleep(settleMs, context.signal)
        return { kind: 'reached', horizon: { strategy: 'settle', table, at: project(epoch, streams) } }
      }
      return poll(
        () => look(epoch, context),
        reply => reply.kind !== 'behind',
        deadlineMs,
        context,
      )
    },
    read: (epoch, horizon, context) => {
      let counted: CountedRows | undefined
      return {
        lines: readLines(),
        counted: () => {
          if (!counted) throw new Error('the counts of a reading were asked for before the reading had ended')
          return counted
        },
      }
      async function* readLines() {
        open++
        try {
          await roundTrip('read', context)
          const seen = upTo(horizon.at)
          const facts = distinct(seen, factText)
          const counts = count(seen, facts, streams)
          for await (const piece of inPieces(encodeRows(withCanary(sums(facts, epoch, streams, shape), shape, context), shape))) {
            yield piece
            await roundTrip('more', context)
          }
          counted = counts
        } finally {
          open--
        }
      }
    },
    awaitChange: (horizon, counted, deadlineMs, context) =>
      poll(
        async () => {
          await roundTrip('count', context)
          return BigInt(upTo(horizon.at).length) !== counted.rows
        },
        changed => changed,
        deadlineMs,
        context,
      ),
    isCaughtUp: async context => {
      await roundTrip('count', context)
      return caughtUp
    },
    findConflicts: async (horizon, limit, context) => {
      await roundTrip('conflicts', context)
      const perAddress = new Map<string, number>()
      for (const { id } of distinct(upTo(horizon.at), factText)) perAddress.set(id, (perAddress.get(id) ?? 0) + 1)
      const conflicts = [...perAddress].filter(([, facts]) => facts > 1).map(([id]) => id)
      return conflicts.sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b))).slice(0, limit)
    },
  }

  return {
    insert: facts => {
      written = [...written, ...facts.map(fact => ({ ...fact, row: { ...fact.row, ...amountsOf(fact.row, shape, places) } }))]
    },
    remove: ids => {
      written = written.filter(({ id }) => !ids.includes(id))
    },
    watermark: (stream, sequence, rowsTotal) => {
      watermarks.push({ stream, sequence, rowsTotal })
    },
    get facts() {
      return written
    },
    watermarks,
    get openReadings() {
      return open
    },
    leg,
  }
}

/** The sums as of the epoch, for the keys that have a fact as of it. */
function sums(facts: readonly Fact[], epoch: Epoch, streams: readonly string[], shape: RowShape): readonly PlainRow[] {
  const byKey = new Map<string, PlainRow>()
  for (const { row } of facts.filter(({ stream, sequence }) => streams.includes(stream) && sequence <= sequenceOf(epoch, stream))) {
    const key = keyText(row, shape)
    const sofar = byKey.get(key)
    const values = shape.values.map(name => {
      const [sum, amount] = [parseDecimal(String(sofar?.[name] ?? '0')), parseDecimal(String(row[name]))]
      return [name, formatDecimal(addDecimals(sum, amount))] as const
    })
    byKey.set(key, { ...Object.fromEntries(shape.keys.map(name => [name, row[name] ?? null])), ...Object.fromEntries(values) })
  }
  return [...byKey.values()]
}

function count(seen: readonly Fact[], facts: readonly Fact[], streams: readonly string[]): CountedRows {
  const addresses = distinct(seen, ({ stream, id }) => JSON.stringify([stream, id]))
  const perStream = (rows: readonly Fact[]) =>
    Object.fromEntries(streams.map(stream => [stream, BigInt(rows.filter(row => row.stream === stream).length)]))
  return {
    facts: perStream(facts),
    addresses: perStream(addresses),
    undeclared: BigInt(facts.filter(({ stream }) => !streams.includes(stream)).length),
    rows: BigInt(seen.length),
  }
}

/** A fact as text: facts that agree in all their columns are one, delivered twice. */
function factText({ stream, sequence, id, row }: Fact): string {
  const columns = Object.keys(row)
    .sort()
    .map(name => [name, row[name] === null ? null : String(row[name])])
  return JSON.stringify([stream, String(sequence), id, columns])
}

function distinct(facts: readonly Fact[], by: (fact: Fact) => string): readonly Fact[] {
  return [...new Map(facts.map(fact => [by(fact), fact])).values()]
}

async function poll<T>(
  look: () => Promise<T>,
  enough: (seen: T) => boolean,
  deadlineMs: number,
  { clock, signal }: LegContext,
): Promise<T> {
  for (;;) {
    const seen = await look()
    const leftMs = deadlineMs - clock.monotonicMs()
    if (enough(seen) || leftMs <= 0) return seen
    await clock.sleep(Math.min(POLL_MS, leftMs), signal)
  }
}
