import { addDecimals, type Decimal, formatDecimal, negateDecimal, parseDecimal, ZERO } from '../../epoch/decimal.ts'

/** Exact sums by asset. An asset that nothing was added to stands at zero and is not listed. */
export class AssetSums {
  readonly #sums = new Map<string, Decimal>()

  /** Adds exact decimal text. Throws `ReconError` (`invalid-decimal`) for anything else. */
  add(asset: string, amount: string): void {
    this.#put(asset, parseDecimal(amount))
  }

  /** Takes exact decimal text away. Throws like `add`. */
  subtract(asset: string, amount: string): void {
    this.#put(asset, negateDecimal(parseDecimal(amount)))
  }

  /** The sum as canonical text. */
  of(asset: string): string {
    return formatDecimal(this.#sums.get(asset) ?? ZERO)
  }

  /** The assets that something was added to, in byte order, so that what is made of them is always the same. */
  get assets(): readonly string[] {
    return [...this.#sums.keys()].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
  }

  /** The sums by asset, as text. */
  toJson(): Readonly<Record<string, string>> {
    return Object.fromEntries(this.assets.map(asset => [asset, this.of(asset)]))
  }

  #put(asset: string, amount: Decimal): void {
    this.#sums.set(asset, addDecimals(this.#sums.get(asset) ?? ZERO, amount))
  }
}
