import { purposes, randomAt, type SeedWords } from './random.ts'

/** How long after it was consumed the next batch is delivered, in milliseconds. */
export type NextLag = (nowMs: number) => number

const SPELL_MS_MIN = 400
const SPELL_MS_MAX = 2_500

/**
 * Lag as a real sink has it: spells of a few seconds at about one level anywhere in the range, mostly a low one and now and then a high one, single batches
 * around it. When a spell ends with a shorter lag, batches overtake those before them.
 */
export function varyingLag(seed: SeedWords, salt: bigint, lagMsMin: number, lagMsMax: number): NextLag {
  const random = randomAt(seed, purposes.lag, salt)
  const range = lagMsMax - lagMsMin
  let level = lagMsMin
  let spellEndsMs = 0
  return nowMs => {
    if (nowMs >= spellEndsMs) {
      // The fourth power of an even draw: half of the spells stay in the lowest sixteenth of the range, and one in fourteen comes into its highest quarter.
      level = lagMsMin + range * (random.below(1_001) / 1_000) ** 4
      spellEndsMs = nowMs + SPELL_MS_MIN + random.below(SPELL_MS_MAX - SPELL_MS_MIN)
    }
    const jitter = random.below(Math.floor(range / 5) + 1) - Math.floor(range / 10)
    return Math.min(lagMsMax, Math.max(lagMsMin, Math.round(level + jitter)))
  }
}
