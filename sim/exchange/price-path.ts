import type { Instrument } from './instruments.ts'
import type { Market } from './market.ts'
import { purposes, randomAt } from './random.ts'

// A node every 2,048 events, so that a price drifts over seconds and positions make and lose money.
const NODE_EVENTS = 2048n
const NODE_STEPS = 4001

/** The price of an instrument at a sequence, in units of 10^-9: within 4% of its base price, a straight line between nodes, on its price step. */
export function priceAt(market: Market, instrument: Instrument, sequence: bigint): bigint {
  const node = sequence / NODE_EVENTS
  const into = sequence % NODE_EVENTS
  const from = offsetAt(market, instrument, node)
  const to = offsetAt(market, instrument, node + 1n)
  const offset = from * (NODE_EVENTS - into) + to * into
  const price = instrument.basePrice + (instrument.basePrice * offset) / (NODE_EVENTS * 50_000n)
  return price - (price % instrument.priceStep)
}

/** From -2000 to 2000, in 50,000ths of the base price. */
function offsetAt(market: Market, instrument: Instrument, node: bigint): bigint {
  const place = BigInt(market.instruments.indexOf(instrument))
  return BigInt(randomAt(market.seed, purposes.price, node * 16n + place).below(NODE_STEPS)) - 2000n
}
