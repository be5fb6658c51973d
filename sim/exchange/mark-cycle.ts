import { isWithinTrade } from './dropcopy-layout.ts'
import { keyOf } from './engine-batch.ts'
import { moneyText, quantityText } from './fixed-point.ts'
import type { Position } from './fold.ts'
import type { Market } from './market.ts'
import { priceAt } from './price-path.ts'
import { type TextRow, timeText } from './sink-store.ts'

/** A cycle of marks that is due: which one, the dropcopy sequence that it is computed at, and when that was. */
export interface MarkCycle {
  readonly number: bigint
  readonly sequence: bigint
  readonly markedAtMicros: bigint
}

/** A row of ClickHouse's `pnl_marks`: what a position has made and would make if it were closed at the mark price. */
export interface MarkRow {
  readonly cycle: MarkCycle
  readonly accountId: string
  readonly symbol: string
  readonly asset: string
  /** Both in units of 10^-9; the quantity is not written. */
  readonly quantity: bigint
  readonly markPrice: bigint
  /** Both in units of 10^-18. */
  readonly realizedPnl: bigint
  readonly unrealizedPnl: bigint
}

/**
 * The number of the cycle that is computed at a dropcopy sequence, if one is: a function of the market and the sequence alone, so that a sink which starts
 * again publishes the same cycles. One is due every `markEveryEvents` events, and before the first of those at each power of two from 4, so that a short
 * exchange has some too. PnL sums to zero only between two trades: where it is due between the two sides of one, it waits for the other side.
 */
export function cycleNumberAt(market: Market, sequence: bigint): bigint | undefined {
  const due = cycleDueAt(market, sequence)
  if (due !== undefined) return isWithinTrade(market, sequence) ? undefined : due
  const before = cycleDueAt(market, sequence - 1n)
  return before !== undefined && isWithinTrade(market, sequence - 1n) ? before : undefined
}

/** The dropcopy sequence that a cycle is computed at; cycles are numbered from 1. */
export function sequenceOfCycle(market: Market, number: bigint): bigint {
  const every = BigInt(market.spec.markEveryEvents)
  const powers = powersBelow(every)
  const due = number <= powers ? FIRST_DUE << (number - 1n) : (number - powers) * every
  return isWithinTrade(market, due) ? due + 1n : due
}

/**
 * Marks every position as of the cycle's sequence, flat ones too. `positions` are by `keyOf` account and symbol. The mark price has at most 9 decimals, so
 * that the product with a quantity is exact at 18.
 */
export function markRows(market: Market, cycle: MarkCycle, positions: Iterable<readonly [string, Position]>): readonly MarkRow[] {
  const instruments = new Map(
    market.instruments.map(instrument => [
      instrument.symbol,
      { asset: instrument.asset, markPrice: priceAt(market, instrument, cycle.sequence) },
    ]),
  )
  return Array.from(positions, ([key, position]) => {
    const [symbol, accountId] = partsOf(key)
    const instrument = instruments.get(symbol)
    if (instrument === undefined) throw new Error(`${symbol} is not traded here, and ${JSON.stringify(accountId)} has a position in it`)
    const { asset, markPrice } = instrument
    const { quantity, costBasis, realizedPnl } = position
    return { cycle, accountId, symbol, asset, quantity, markPrice, realizedPnl, unrealizedPnl: quantity * markPrice - costBasis }
  })
}

/** A mark as a row of `pnl_marks`. */
export function markText({ cycle, ...row }: MarkRow): TextRow {
  return [
    cycle.number.toString(),
    'dropcopy',
    cycle.sequence.toString(),
    row.accountId,
    row.symbol,
    row.asset,
    quantityText(row.markPrice),
    moneyText(row.realizedPnl),
    moneyText(row.unrealizedPnl),
    timeText(cycle.markedAtMicros),
  ]
}

function partsOf(key: string): readonly [symbol: string, accountId: string] {
  const at = key.indexOf(keyOf('', ''))
  return [key.slice(0, at), key.slice(at + 1)]
}

const FIRST_DUE = 4n

function cycleDueAt({ spec }: Market, sequence: bigint): bigint | undefined {
  const every = BigInt(spec.markEveryEvents)
  if (every === 0n || sequence < FIRST_DUE) return undefined
  if (sequence < every) return (sequence & (sequence - 1n)) === 0n ? powersBelow(2n * sequence) : undefined
  return sequence % every === 0n ? powersBelow(every) + sequence / every : undefined
}

/** How many powers of two from the first are below `every`: the cycles before the first regular one. */
function powersBelow(every: bigint): bigint {
  let powers = 0n
  for (let power = FIRST_DUE; power < every; power *= 2n) powers += 1n
  return powers
}
