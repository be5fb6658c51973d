import { addDecimals, type Decimal, formatDecimal, parseDecimal, ZERO } from '../../epoch/decimal.ts'
import type { Comparison } from '../../epoch/mismatch.ts'
import { Tally } from '../../epoch/tally.ts'
import type { Finding } from '../run.ts'
import {
  conflictingMark,
  judgeMark,
  type Mark,
  type MarkedKey,
  type MarkFinding,
  type MarkFindingKind,
  type SymbolPrice,
} from './judge-mark.ts'
import { tryParseUnits } from './units.ts'

/** The relation that a run shows: PnL per symbol against nothing at all. */
export const PNL_SHAPE = { keys: ['symbol'], values: ['pnl'], aggregating: true } as const

/** What came of a cycle: the sums per symbol against zero, what is wrong with single marks, and how many keys and marks were looked at. */
export interface MarkingResult {
  readonly comparison: Comparison
  /** The first findings in key order, as many as may be listed. */
  readonly findings: readonly Finding[]
  /** All of them, by kind. */
  readonly counts: ReadonlyMap<MarkFindingKind, bigint>
  readonly keys: bigint
}

/** The sum of a symbol: what can be summed in units of 10^-18, and what cannot. */
interface SymbolSum {
  units: bigint
  others: Decimal
  marked: boolean
}

/** Judges the accounts and symbols of one cycle, one after the other, and sums up; holds nothing but a sum for each symbol and the first findings. */
export class Marking {
  readonly #prices: Map<string, SymbolPrice>
  readonly #listedMax: number
  readonly #sums = new Map<string | null, SymbolSum>()
  readonly #findings: MarkFinding[] = []
  readonly #counts = new Map<MarkFindingKind, bigint>()
  #keys = 0n

  /** `prices`: the mark price of each symbol; for a symbol that it does not name, the first one that is seen. */
  constructor(prices: ReadonlyMap<string, string>, listedMax: number) {
    this.#prices = new Map([...prices].map(([symbol, price]) => [symbol, priceOf(price)]))
    this.#listedMax = listedMax
  }

  /** Judges all that the stores say of one account and symbol. */
  key(key: MarkedKey): void {
    this.#keys++
    const sum = this.#sumOf(key.symbol)
    if (key.mark) add(sum, key.mark)
    this.#note(judgeMark(key, this.#priceOf(key)))
  }

  /** Takes another row under the address of the mark that was judged last: both stand in the store, so that a sum holds the two of them. */
  conflicting(key: Pick<MarkedKey, 'named' | 'symbol'>, mark: Mark): void {
    add(this.#sumOf(key.symbol), mark)
    this.#note([conflictingMark(key, mark)])
  }

  /** What came of it, with at most as many mismatches as findings. */
  result(): MarkingResult {
    const tally = new Tally(PNL_SHAPE, this.#listedMax)
    for (const [symbol, sum] of [...this.#sums].sort(bySymbol)) {
      const key = [symbol === null ? null : Buffer.from(symbol)]
      tally.judge(sum.marked ? { key, values: [Buffer.from(formatDecimal(pnlOf(sum)))] } : undefined, { key, values: [Buffer.from('0')] })
    }
    return { comparison: tally.comparison, findings: this.#findings, counts: this.#counts, keys: this.#keys }
  }

  #sumOf(symbol: string | null): SymbolSum {
    const known = this.#sums.get(symbol)
    if (known) return known
    const sum = { units: 0n, others: ZERO, marked: false }
    this.#sums.set(symbol, sum)
    return sum
  }

  #priceOf({ symbol, mark }: MarkedKey): SymbolPrice {
    const known = this.#prices.get(symbol ?? '')
    if (known) return known
    const price = priceOf(mark?.markPrice ?? '')
    if (mark) this.#prices.set(symbol ?? '', price)
    return price
  }

  #note(found: readonly MarkFinding[]): void {
    for (const finding of found) {
      this.#counts.set(finding.kind, (this.#counts.get(finding.kind) ?? 0n) + 1n)
      if (this.#findings.length < this.#listedMax) this.#findings.push(finding)
    }
  }
}

function priceOf(text: string): SymbolPrice {
  return { text, units: tryParseUnits(text) }
}

function add(sum: SymbolSum, { realizedPnl, unrealizedPnl }: Mark): void {
  sum.marked = true
  for (const amount of [realizedPnl, unrealizedPnl]) {
    const units = tryParseUnits(amount)
    if (units === undefined) sum.others = addDecimals(sum.others, parseDecimal(amount))
    else sum.units += units
  }
}

function pnlOf({ units, others }: SymbolSum): Decimal {
  return addDecimals({ unscaled: units, scale: 18 }, others)
}

function bySymbol([a]: readonly [string | null, SymbolSum], [b]: readonly [string | null, SymbolSum]): number {
  return Buffer.compare(Buffer.from(a ?? ''), Buffer.from(b ?? ''))
}
