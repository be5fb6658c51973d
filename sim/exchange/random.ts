/** A deterministic source of 32-bit numbers; two sources made from the same words give the same numbers on every machine. */
export interface Random {
  /** The next number, from 0 to 2^32 - 1. */
  readonly uint32: () => number
  /** A number from 0 to `bound` - 1; `bound` is at most 2^21, so that the product stays an exact double. */
  readonly below: (bound: number) => number
  /** True once in `oneIn` times. */
  readonly oneIn: (oneIn: number) => boolean
}

/** What a number is drawn for; each purpose is a family of sources of its own, so that adding draws to one never shifts another. */
export const purposes = {
  layout: 1,
  fill: 2,
  funding: 3,
  settlement: 4,
  bust: 5,
  price: 6,
  transfer: 7,
  lag: 8,
  replay: 9,
  custodian: 20,
  refund: 21,
} as const

/** One of `purposes`. */
export type Purpose = (typeof purposes)[keyof typeof purposes]

/** A seed as four 32-bit words. */
export type SeedWords = readonly [number, number, number, number]

/** Turns the text of a seed into the four words that every source of one exchange is made from. */
export function seedWords(seed: string): SeedWords {
  const words: [number, number, number, number] = [0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344]
  for (const byte of new TextEncoder().encode(seed)) {
    words[0] = scramble(words[0] ^ byte)
    words[1] = scramble(words[1] + words[0])
    words[2] = scramble(words[2] ^ words[1])
    words[3] = scramble(words[3] + words[2])
  }
  return words
}

/**
 * Makes the source for one purpose and one index. Any index can be had without the ones before it, which is what lets a reader resume the dropcopy
 * at any sequence. The generator is xoshiro128** (Blackman and Vigna, "Scrambled linear pseudorandom number generators").
 */
export function randomAt(seed: SeedWords, purpose: Purpose, index: bigint): Random {
  const low = Number(index & 0xffffffffn)
  const high = Number((index >> 32n) & 0xffffffffn)
  let a = scramble(seed[0] ^ Math.imul(low, 0x9e3779b1))
  let b = scramble(seed[1] ^ a ^ high)
  let c = scramble(seed[2] + Math.imul(purpose, 0x85ebca6b) + b)
  // Never all zero, the one state that the generator cannot leave.
  let d = scramble(seed[3] ^ c) | 1
  const uint32 = () => {
    const times5 = Math.imul(b, 5)
    const result = Math.imul((times5 << 7) | (times5 >>> 25), 9) >>> 0
    const shifted = b << 9
    c ^= a
    d ^= b
    b ^= c
    a ^= d
    c ^= shifted
    d = (d << 11) | (d >>> 21)
    return result
  }
  const below = (bound: number) => Math.floor((uint32() * bound) / 0x100000000)
  return { uint32, below, oneIn: oneIn => below(oneIn) === 0 }
}

/** Spreads every bit of `word` over all of the result; a bijection of 32-bit words. */
function scramble(word: number): number {
  let mixed = (word + 0x6d2b79f5) | 0
  mixed = Math.imul(mixed ^ (mixed >>> 15), 0x2c1b3c6d)
  mixed = Math.imul(mixed ^ (mixed >>> 12), 0x297a2d39)
  return mixed ^ (mixed >>> 15)
}
