import { assets, type Instrument, instruments, MAX_INSTRUMENTS } from './instruments.ts'
import { type SeedWords, seedWords } from './random.ts'

/** What decides every event and every transfer of a simulated exchange: the same specification gives the same streams, on every machine. */
export interface MarketSpec {
  readonly seed: string
  /** How many accounts trade, at least 2. */
  readonly accounts: number
  /** How many instruments are traded, from 2 to 8. */
  readonly symbols: number
  /** One transfer becomes due every so many dropcopy events. */
  readonly eventsPerTransfer: number
  /** How many deposits, one account after the other, are due before the first event. */
  readonly openingDeposits: number
  /** The sink marks all positions every so many dropcopy events, a multiple of 4; 0: never. */
  readonly markEveryEvents: number
  /** One withdrawal in so many fails at the custodian and is given back some transfers later; 0: none, as where there is no custodian. */
  readonly failingWithdrawalsOneIn: number
}

/** A specification together with what is computed from it once. */
export interface Market {
  readonly spec: MarketSpec
  readonly seed: SeedWords
  readonly instruments: readonly Instrument[]
}

/** The specification that is used where nothing else is said. */
export const defaultMarketSpec: MarketSpec = {
  seed: '1',
  accounts: 20_000,
  symbols: 4,
  eventsPerTransfer: 20,
  openingDeposits: 0,
  markEveryEvents: 8_000,
  failingWithdrawalsOneIn: 0,
}

/** Checks a specification and prepares it; the error names every figure that is out of range. */
export function openMarket(spec: MarketSpec): Market {
  const wrong = [
    ...outside('accounts', spec.accounts, 2, 1_000_000),
    ...outside('symbols', spec.symbols, 2, MAX_INSTRUMENTS),
    ...outside('eventsPerTransfer', spec.eventsPerTransfer, 1, 1_000_000),
    ...outside('openingDeposits', spec.openingDeposits, 0, 10_000_000),
    ...outside('failingWithdrawalsOneIn', spec.failingWithdrawalsOneIn, 0, 1_000_000),
    ...outside('markEveryEvents', spec.markEveryEvents, 0, 1_000_000),
    ...(spec.markEveryEvents % 4 === 0 ? [] : [`markEveryEvents is ${spec.markEveryEvents}, and must be a multiple of 4`]),
  ]
  if (wrong.length > 0) throw new Error(`the simulated exchange cannot be set up: ${wrong.join('; ')}`)
  return { spec, seed: seedWords(spec.seed), instruments: instruments(spec.symbols) }
}

/** How many transfers are due once the dropcopy has reached `sequence`. */
export function transfersDue(market: Market, sequence: bigint): bigint {
  return BigInt(assets.length + market.spec.openingDeposits) + sequence / BigInt(market.spec.eventsPerTransfer)
}

function outside(name: string, value: number, min: number, max: number): string[] {
  return Number.isInteger(value) && value >= min && value <= max
    ? []
    : [`${name} is ${value}, and must be a whole number from ${min} to ${max}`]
}
