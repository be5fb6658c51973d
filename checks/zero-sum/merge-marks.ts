import { type Canary, canaryRow } from '../../epoch/canary.ts'
import type { Lines } from '../../epoch/leg.ts'
import { decodeLine, encodeLine, fieldText } from '../../epoch/line.ts'
import { compareKeys } from '../../epoch/row.ts'
import type { Mark, PositionAsOf } from './judge-mark.ts'
import { KeyedLines } from './keyed-lines.ts'
import { Marking, type MarkingResult } from './marking.ts'

/** The three sides of a cycle, each in byte order of account and symbol. */
export interface MarkSides {
  /** As `MARK_SHAPE` has them; the same line again is the same mark delivered again. */
  readonly marks: Lines
  /** Quantity, cost basis and realized PnL as of the cycle's epoch. */
  readonly positions: Lines
  /** Realized PnL as of the cycle's epoch. */
  readonly transactions: Lines
}

/** How a cycle is to be judged. */
export interface MergeOptions {
  /** The mark price of each symbol. */
  readonly prices: ReadonlyMap<string, string>
  /** How many findings, and how many symbols that are not square, to list. */
  readonly listedMax: number
  readonly canary: Canary
  readonly signal: AbortSignal
}

/**
 * Judges a cycle by one ordered merge of its three sides, in constant memory. The canary is judged by itself, and must come out as it was planted.
 * All sides are closed before it settles. Throws `ReconError` where it sees that a side is not ascending (`unordered-leg`) or that a line has not its
 * fields (`malformed-line`).
 */
export async function mergeMarks(sides: MarkSides, { prices, listedMax, canary, signal }: MergeOptions): Promise<MarkingResult> {
  const marks = new KeyedLines('marks', sides.marks, 8, true)
  const positions = new KeyedLines('positions', sides.positions, 5, false)
  const transactions = new KeyedLines('transactions', sides.transactions, 3, false)
  const all = [marks, positions, transactions]
  const marking = new Marking(prices, listedMax)
  const planted = new Marking(new Map(), listedMax)
  const canaryKey = rawKeyOf(canary)
  const symbolOf = rememberSymbols()
  let lastMark: Buffer = Buffer.alloc(0)

  /** Judges the next key; false where a side must be filled first, or all are at their ends. */
  const judgeNext = (): boolean => {
    const key = all.every(side => side.atHand() || side.ended) ? leastKey(all) : undefined
    if (key === undefined) return false
    const judge = key.equals(canaryKey) ? planted : marking
    const [symbol, named] = [symbolOf(key), () => namesOf(key)]
    const marked = marks.hasKey(key)
    if (marked && marks.repeatsKey()) {
      const line = marks.rawLine
      if (!line.equals(lastMark)) judge.conflicting({ symbol, named }, markOf(marks.values()))
      lastMark = line
      marks.take()
      return true
    }
    const [held, moved] = [positions.hasKey(key), transactions.hasKey(key)]
    judge.key({
      symbol,
      named,
      mark: marked ? markOf(marks.values()) : undefined,
      position: held ? positionOf(positions.values()) : undefined,
      transactions: moved ? transactions.values()[0] : undefined,
    })
    if (marked) {
      lastMark = marks.rawLine
      marks.take()
    }
    if (held) positions.take()
    if (moved) transactions.take()
    return true
  }

  try {
    for (;;) {
      signal.throwIfAborted()
      const more = [await marks.ensure(), await positions.ensure(), await transactions.ensure()]
      if (!more.includes(true)) break
      while (judgeNext());
    }
  } finally {
    await Promise.all(all.map(side => side.close()))
  }
  const result = marking.result()
  return { ...result, comparison: { ...result.comparison, canaryFound: isAsPlanted(planted.result(), canary) } }
}

/** The least of the keys at hand, as it stands in its line. Where all sides have the same, as nearly always, nothing is decoded. */
function leastKey(sides: readonly KeyedLines[]): Buffer | undefined {
  const atHand = sides.filter(side => side.atHand())
  const [first] = atHand
  if (first === undefined) return undefined
  if (atHand.length === sides.length && atHand.every(side => side.hasKey(first.rawKey))) return first.rawKey
  for (const side of atHand) side.requireOrder()
  return atHand.reduce((least, side) => (compareKeys(side.key, decodeLine(least)) < 0 ? side.rawKey : least), first.rawKey)
}

function markOf([markPrice = '', realizedPnl = '', unrealizedPnl = '', strayedTo = '']: readonly string[]): Mark {
  return { markPrice, realizedPnl, unrealizedPnl, strayedTo }
}

function positionOf([quantity = '', costBasis = '', realizedPnl = '']: readonly string[]): PositionAsOf {
  return { quantity, costBasis, realizedPnl }
}

function namesOf(key: Uint8Array) {
  const [account, symbol] = decodeLine(key)
  return { account_id: fieldText(account ?? null), symbol: fieldText(symbol ?? null) }
}

/** Decodes each symbol once: there are few, and every key has one. */
function rememberSymbols(): (key: Buffer) => string | null {
  const known = new Map<string, string | null>()
  return key => {
    const raw = key.toString('latin1', key.lastIndexOf(9) + 1)
    const name = known.get(raw)
    if (name !== undefined) return name
    const decoded = namesOf(key).symbol
    known.set(raw, decoded)
    return decoded
  }
}

function rawKeyOf({ left }: Canary): Buffer {
  return Buffer.from(encodeLine([left.key, left.key])).subarray(0, -1)
}

/** Marks say the left value of the canary in all their figures, positions and transactions the right one: two findings and a sum, and no others. */
function isAsPlanted({ keys, findings, comparison }: MarkingResult, { left, right }: Canary): boolean {
  const named = canaryRow({ keys: ['account_id', 'symbol'], values: [], aggregating: false }, left)
  const value = BigInt(left.value)
  const other = BigInt(right.value)
  const expected = [
    {
      kind: 'unrealized-differs',
      key: named,
      detail: {
        unrealized_pnl: left.value,
        expected: `${other * value - other}`,
        difference: `${value - (other * value - other)}`,
        quantity: right.value,
        cost_basis: right.value,
        mark_price: left.value,
      },
    },
    { kind: 'realized-differs', key: named, detail: { marks: left.value, positions: right.value, transactions: right.value } },
  ]
  const [sum] = comparison.mismatches
  return keys === 1n && sum?.difference['pnl'] === `${2n * value}` && JSON.stringify(findings) === JSON.stringify(expected)
}
