import type { PositionFact, PositionValues } from '../../epoch/fact.ts'
import { addPositions, NO_POSITION, positionTexts, samePosition, subtractPositions } from './amounts.ts'
import type { FactDifference } from './difference.ts'
import { DifferenceCollector, type DifferenceList } from './difference-list.ts'
import type { SequencePair } from './pair-by-sequence.ts'

/** What the executions of one account and symbol come to, on both sides. */
export interface PositionTally {
  /** The position that the log comes to; null where it knows of no execution. */
  readonly log: PositionValues | null
  /** ClickHouse's last row; null where it has none. */
  readonly history: PositionValues | null
  readonly logged: bigint
  readonly rows: bigint
  readonly repeated: bigint
  readonly differences: DifferenceList
  readonly truncated: boolean
}

/**
 * How far ClickHouse's position may be from the log's without a new fault: each row that is not there doubles the ways in which it came to be so. Where they get
 * more than this, those are followed up in which the most, or the fewest, were folded.
 */
const SHIFTS_MAX = 128

/**
 * Goes through the executions of one account and symbol in order. The log says what each adds, the history what the position is after it, so what counts is
 * whether the distance between the two moves. A row that is missing, or in excess, may have been folded or not: either distance is right after it. So is, after
 * an altered row, the distance before it: then only that row is wrong, and not what was folded.
 */
export async function tallyPositions(
  pairs: AsyncIterable<SequencePair<PositionFact, PositionFact>>,
  { limit, factsMax }: { readonly limit: number; readonly factsMax: number },
): Promise<PositionTally> {
  const differences = new DifferenceCollector(limit)
  let log = NO_POSITION
  let history: PositionFact | undefined
  let shifts: readonly PositionValues[] = [NO_POSITION]
  let [logged, rows, distinct] = [0n, 0n, 0n]
  let truncated = false

  for await (const pair of pairs) {
    if (Number(logged + rows) >= factsMax) {
      truncated = true
      break
    }
    const open = [...distinctRows(pair.history)]
    distinct += BigInt(open.length)
    history = lastOf(open) ?? history
    for (const fact of pair.logged) {
      log = addPositions(log, fact.values)
      const candidates = open.filter(row => row.executionId === fact.executionId)
      const shiftOf = (row: PositionFact) => subtractPositions(row.values, log)
      const row = candidates.find(candidate => isAmong(shifts, shiftOf(candidate))) ?? candidates[0]
      if (!row) {
        differences.add(positionDifference('missing', fact, log, null))
        shifts = bounded([...shifts, ...shifts.map(shift => subtractPositions(shift, fact.values))])
        continue
      }
      open.splice(open.indexOf(row), 1)
      const shift = shiftOf(row)
      if (isAmong(shifts, shift)) shifts = [shift]
      else {
        const before = shifts[0] ?? NO_POSITION
        differences.add(positionDifference('altered', fact, addPositions(log, before), row))
        shifts = bounded([shift, ...shifts])
      }
      for (const twin of candidates) {
        if (twin === row) continue
        open.splice(open.indexOf(twin), 1)
        differences.add({
          ...positionDifference('duplicated', twin, null, twin),
          twin: { stream: row.stream, sequence: row.sequence, ids: row.ids },
        })
      }
    }
    for (const row of open) {
      differences.add(positionDifference('extra', row, null, row))
      shifts = bounded([...shifts, subtractPositions(row.values, log)])
    }
    logged += BigInt(pair.logged.length)
    rows += BigInt(pair.history.length)
  }
  const values = { log: logged > 0n ? log : null, history: history?.values ?? null }
  return { ...values, logged, rows, repeated: rows - distinct, differences, truncated }
}

function positionDifference(
  kind: FactDifference['kind'],
  { stream, sequence, time, account, symbol, ids, values }: PositionFact,
  expected: PositionValues | null,
  row: PositionFact | null,
): FactDifference {
  return {
    kind,
    table: 'positions',
    stream,
    sequence,
    time,
    effect: 'position',
    account,
    asset: null,
    symbol,
    postgres: expected && positionTexts(expected),
    clickhouse: row && positionTexts(row.values),
    difference: expected && row ? positionTexts(subtractPositions(expected, row.values)) : expected ? positionTexts(values) : {},
    ids: { ...ids, ...row?.ids },
  }
}

function distinctRows(rows: readonly PositionFact[]): readonly PositionFact[] {
  if (rows.length < 2) return rows
  const texts = (row: PositionFact) => JSON.stringify([row.executionId, positionTexts(row.values), row.time, row.ids])
  return [...new Map(rows.map(row => [texts(row), row])).values()]
}

/** The row that a check takes for the last one of a sequence. */
function lastOf(rows: readonly PositionFact[]): PositionFact | undefined {
  const order = (row: PositionFact) => Buffer.from(row.executionId)
  return rows.reduce<PositionFact | undefined>(
    (last, row) => (last && Buffer.compare(order(last), order(row)) >= 0 ? last : row),
    undefined,
  )
}

function isAmong(positions: readonly PositionValues[], position: PositionValues): boolean {
  return positions.some(other => samePosition(other, position))
}

function bounded(shifts: readonly PositionValues[]): readonly PositionValues[] {
  return shifts.length <= SHIFTS_MAX ? shifts : [...shifts.slice(0, SHIFTS_MAX / 2), ...shifts.slice(-SHIFTS_MAX / 2)]
}
