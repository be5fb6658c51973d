import type { Market } from './market.ts'
import { purposes, randomAt } from './random.ts'

/** What stands where in a block of the dropcopy; fills and busts take two sequences, one for each side. */
export interface BlockItem {
  readonly kind: 'fill' | 'bust' | 'funding' | 'settlement'
  readonly sequence: bigint
}

const BLOCK_EVENTS = 32
const GROUP_BLOCKS = 8

/** The number of the block that holds a sequence. */
export function blockOf(sequence: bigint): bigint {
  return (sequence - 1n) / BigInt(BLOCK_EVENTS)
}

/** The items of one block, in the order of their sequences: mostly fills, in about half of the blocks a bust, funding often, settlement now and then. */
export function blockLayout(market: Market, block: bigint): readonly BlockItem[] {
  const random = randomAt(market.seed, purposes.layout, block)
  const kinds: BlockItem['kind'][] = []
  if (random.oneIn(2)) kinds.push('funding')
  if (random.oneIn(8)) kinds.push('settlement')
  if (kinds.length === 1) kinds.push('funding')
  const busts = block >= BigInt(GROUP_BLOCKS) && random.oneIn(2) ? 1 : 0
  const pairs = (BLOCK_EVENTS - kinds.length) / 2
  if (busts > 0) kinds.push('bust')
  for (let fill = busts; fill < pairs; fill += 1) kinds.push('fill')
  shuffle(kinds, random.below)
  let sequence = block * BigInt(BLOCK_EVENTS) + 1n
  return kinds.map(kind => {
    const item = { kind, sequence }
    sequence += kind === 'fill' || kind === 'bust' ? 2n : 1n
    return item
  })
}

/** Whether a sequence is the first side of a fill or of a bust: after it, and before the other side, the two accounts do not square. */
export function isWithinTrade(market: Market, sequence: bigint): boolean {
  return blockLayout(market, blockOf(sequence)).some(item => item.sequence === sequence && (item.kind === 'fill' || item.kind === 'bust'))
}

/**
 * The block whose fill a bust in `block` reverses: one of the group of eight blocks before. Within a group the targets are a permutation and a block
 * has at most one bust, so no fill is busted twice.
 */
export function bustTargetBlock(market: Market, block: bigint): bigint {
  const group = block / BigInt(GROUP_BLOCKS)
  const targets = Array.from({ length: GROUP_BLOCKS }, (_, index) => index)
  shuffle(targets, randomAt(market.seed, purposes.bust, -1n - group).below)
  const target = targets[Number(block % BigInt(GROUP_BLOCKS))]
  if (target === undefined || group === 0n) throw new Error(`block ${block} has no block to bust a fill of`)
  return (group - 1n) * BigInt(GROUP_BLOCKS) + BigInt(target)
}

/** How many events a bust lies behind its fill at the most. */
export const BUST_DISTANCE_MAX = BigInt(2 * GROUP_BLOCKS * BLOCK_EVENTS)

function shuffle<T>(items: T[], below: (bound: number) => number): void {
  for (let last = items.length - 1; last > 0; last -= 1) {
    const chosen = below(last + 1)
    const [a, b] = [items[last], items[chosen]]
    if (a === undefined || b === undefined) continue
    items[last] = b
    items[chosen] = a
  }
}
