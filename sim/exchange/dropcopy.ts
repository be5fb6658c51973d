import { accountName } from './accounts.ts'
import type { AllocationEvent, AllocationLeg, DropcopyEvent, ExecutionEvent } from './dropcopy-event.ts'
import { type BlockItem, blockLayout, blockOf, bustTargetBlock } from './dropcopy-layout.ts'
import type { Market } from './market.ts'
import { priceAt } from './price-path.ts'
import { purposes, type Random, randomAt } from './random.ts'

/**
 * EP3's dropcopy in miniature. Every event is a function of the market and its sequence alone, so a reader resumes from any sequence at once, and
 * readers in different processes see the same stream without sharing anything.
 */
export interface Dropcopy {
  /** The events with `after < sequence <= through`, in order. */
  readonly between: (after: bigint, through: bigint) => readonly DropcopyEvent[]
  /** The event with this sequence, from 1. */
  readonly at: (sequence: bigint) => DropcopyEvent
}

const CACHED_BLOCKS = 16

/** Opens the dropcopy of a market; it never ends. */
export function openDropcopy(market: Market): Dropcopy {
  const cache = new Map<bigint, readonly DropcopyEvent[]>()
  const block = (number: bigint) => {
    const cached = cache.get(number)
    if (cached !== undefined) return cached
    const events = blockLayout(market, number).flatMap(item => itemEvents(market, number, item))
    for (const oldest of cache.keys()) {
      if (cache.size < CACHED_BLOCKS) break
      cache.delete(oldest)
    }
    cache.set(number, events)
    return events
  }
  const between = (after: bigint, through: bigint) => {
    const events: DropcopyEvent[] = []
    if (through <= after) return events
    for (let number = blockOf(after + 1n); number <= blockOf(through); number += 1n)
      for (const event of block(number)) if (event.sequence > after && event.sequence <= through) events.push(event)
    return events
  }
  const at = (sequence: bigint) => {
    const [event] = between(sequence - 1n, sequence)
    if (event === undefined) throw new Error(`the dropcopy has no event ${sequence}; its sequences begin with 1`)
    return event
  }
  return { between, at }
}

function itemEvents(market: Market, block: bigint, item: BlockItem): readonly DropcopyEvent[] {
  switch (item.kind) {
    case 'fill':
      return fillSides(market, item.sequence)
    case 'bust':
      return bustSides(market, block, item.sequence)
    case 'funding':
    case 'settlement':
      return [allocation(market, item.kind, item.sequence)]
    default:
      return item.kind satisfies never
  }
}

/** Both sides of the fill whose first side has this sequence. */
function fillSides(market: Market, sequence: bigint): readonly ExecutionEvent[] {
  const random = randomAt(market.seed, purposes.fill, sequence)
  const instrument = pick(random, market.instruments)
  const first = skewedAccount(market, random)
  const second = otherAccount(market, random, first)
  const odd = random.oneIn(4) ? BigInt(1 + random.below(997)) * instrument.quantityStep : 0n
  const quantity = BigInt(lots(random)) * instrument.lot + odd
  const price = priceAt(market, instrument, sequence) + BigInt(random.below(5) - 2) * instrument.priceStep
  const firstBuys = random.oneIn(2)
  const firstTakes = random.oneIn(2)
  const side = (offset: bigint, account: number, buys: boolean, takes: boolean): ExecutionEvent => ({
    kind: 'fill',
    sequence: sequence + offset,
    executionId: `E${sequence + offset}`,
    tradeId: `T${sequence}`,
    accountId: accountName(account),
    symbol: instrument.symbol,
    asset: instrument.asset,
    side: buys ? 'buy' : 'sell',
    quantity,
    price,
    fee: (quantity * price * (takes ? instrument.takerFee : instrument.makerFee)) / 1_000_000n,
    occurredAtMicros: occurredAt(sequence),
  })
  return [side(0n, first, firstBuys, firstTakes), side(1n, second, !firstBuys, !firstTakes)]
}

/** Both sides of a bust: those of a fill that lies some hundred events back, under its trade, with sequences of their own. */
function bustSides(market: Market, block: bigint, sequence: bigint): readonly ExecutionEvent[] {
  const random = randomAt(market.seed, purposes.bust, sequence)
  const fills = blockLayout(market, bustTargetBlock(market, block)).filter(item => item.kind === 'fill')
  return fillSides(market, pick(random, fills).sequence).map((side, index) => ({
    ...side,
    kind: 'bust',
    sequence: sequence + BigInt(index),
    executionId: `B${sequence + BigInt(index)}`,
    reverses: side.executionId,
    occurredAtMicros: occurredAt(sequence),
  }))
}

function allocation(market: Market, kind: 'funding' | 'settlement', sequence: bigint): AllocationEvent {
  const random = randomAt(market.seed, purposes[kind], sequence)
  const instrument = pick(random, market.instruments)
  const accounts = new Set<number>()
  const wanted = Math.min(2 + random.below(5), market.spec.accounts)
  while (accounts.size < wanted) accounts.add(skewedAccount(market, random))
  let rest = 0n
  const legs: AllocationLeg[] = []
  for (const account of accounts) {
    const last = legs.length === accounts.size - 1
    // Up to some ten units of the asset, to the last place. The last leg takes what the others leave, which may be nothing.
    const drawn = (BigInt(random.uint32()) - 0x80000000n) * 5_000_000_003n + BigInt(1 + random.below(997))
    const amount = last ? -rest : drawn
    rest += amount
    legs.push({ accountId: accountName(account), amount })
  }
  return {
    kind,
    sequence,
    executionId: `${kind === 'funding' ? 'F' : 'S'}${sequence}`,
    symbol: instrument.symbol,
    asset: instrument.asset,
    legs,
    occurredAtMicros: occurredAt(sequence),
  }
}

/** Few accounts trade much and many trade little: the density falls with the number of the account to the power of -2/3. */
function skewedAccount(market: Market, random: Random): number {
  const share = random.uint32() / 0x100000000
  return Math.floor(market.spec.accounts * share * share * share)
}

function otherAccount(market: Market, random: Random, account: number): number {
  const other = skewedAccount(market, random)
  return other === account ? (account + 1) % market.spec.accounts : other
}

/** Mostly the same few sizes, so that positions are often closed exactly, partly, or through zero. */
function lots(random: Random): number {
  return random.oneIn(3) ? 1 + random.below(25) : 5
}

function pick<T>(random: Random, from: readonly T[]): T {
  const picked = from[random.below(from.length)]
  if (picked === undefined) throw new Error('nothing to pick from')
  return picked
}

/** Two thousand events a second from the first moment of 2026: the stream's own time, which no clock decides. */
function occurredAt(sequence: bigint): bigint {
  return 1_767_225_600_000_000n + sequence * 500n
}
