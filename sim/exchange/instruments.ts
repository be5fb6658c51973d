/** A traded contract: what it settles in, and in units of 10^-9 what it costs at the start, its usual lot, and the finest steps of prices and quantities. */
export interface Instrument {
  readonly symbol: string
  readonly asset: string
  readonly basePrice: bigint
  readonly priceStep: bigint
  readonly lot: bigint
  readonly quantityStep: bigint
  /** Fees in hundredths of a basis point of the notional. */
  readonly takerFee: bigint
  readonly makerFee: bigint
}

const ONE = 1_000_000_000n

// Steps down to one unit, so that cost bases really have 18 places; one contract without maker fee, so that rows of amount zero occur.
const catalogue: readonly Instrument[] = [
  instrument('EURUSD-PERP', 'USD', 1_084_250_000n, 10_000n, 10_000n * ONE, ONE, 200n, 50n),
  instrument('XAUUSD-PERP', 'USDC', 2_391_400_000_000n, 10_000_000n, ONE, 1_000_000n, 350n, 0n),
  instrument('US10Y-PERP', 'USD', 109_328_125_000n, 15_625_000n, 10n * ONE, 100_000_000n, 250n, 100n),
  instrument('NATGAS-PERP', 'USDC', 2_871_000_001n, 1n, 1_000n * ONE, 1n, 500n, 125n),
  instrument('USDJPY-PERP', 'USD', 151_213_000_000n, 1_000_000n, 50n * ONE, 10_000_000n, 200n, 50n),
  instrument('COMPUTE-PERP', 'USDC', 41_370_000n, 7n, 25_000n * ONE, 3n, 450n, 175n),
  instrument('SPX-PERP', 'USD', 5_204_340_000_000n, 250_000_000n, ONE / 2n, 10_000_000n, 300n, 0n),
  instrument('COPPER-PERP', 'USDC', 4_512_500_000n, 500_000n, 500n * ONE, 25_000_000n, 400n, 100n),
]

/** The largest number of instruments that an exchange can be given. */
export const MAX_INSTRUMENTS = catalogue.length

/** The first `count` instruments; any two of them settle in both assets. */
export function instruments(count: number): readonly Instrument[] {
  return catalogue.slice(0, count)
}

/** Every settlement asset. */
export const assets = ['USD', 'USDC'] as const

function instrument(
  symbol: string,
  asset: (typeof assets)[number],
  basePrice: bigint,
  priceStep: bigint,
  lot: bigint,
  quantityStep: bigint,
  takerFee: bigint,
  makerFee: bigint,
): Instrument {
  return { symbol, asset, basePrice, priceStep, lot, quantityStep, takerFee, makerFee }
}
