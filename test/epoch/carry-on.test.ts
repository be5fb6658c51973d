import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Carry, carryOn } from '../../epoch/carry-on.ts'
import { encodeRows } from '../../epoch/plain-row.ts'

const carries: readonly Carry[] = ['sum', 'last']
const shape = { keys: ['account', 'asset'], values: ['sum', 'last'], aggregating: true }

interface Fact {
  readonly account: string
  readonly asset: string
  readonly amount: bigint
}

// Few names, so that keys meet; names that are beginnings of others, and that are escaped on the wire.
const name = fc.oneof(
  fc.constantFrom('a', 'ab', 'a\tb', 'a\\', 'b\n', '', 'é', '\u0001', 'aa', '-1'),
  fc.string({ unit: 'grapheme', maxLength: 3 }),
)
const fact: fc.Arbitrary<Fact> = fc.record({ account: name, asset: name, amount: fc.bigInt(-(10n ** 30n), 10n ** 30n) })

/** The oracle: a map, with no merge and no decimals in it. */
function rowsOf(facts: readonly Fact[]) {
  const rows = new Map<string, { account: string; asset: string; sum: bigint; last: bigint }>()
  for (const { account, asset, amount } of facts) {
    const key = JSON.stringify([account, asset])
    rows.set(key, { account, asset, sum: (rows.get(key)?.sum ?? 0n) + amount, last: amount })
  }
  return encodeRows([...rows.values()], shape)
}

async function* inPieces(bytes: Uint8Array, size: number) {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
}

async function textOf(lines: AsyncIterable<Uint8Array>): Promise<string> {
  const chunks: Uint8Array[] = []
  for await (const chunk of lines) chunks.push(Uint8Array.from(chunk))
  return Buffer.concat(chunks).toString()
}

describe('carrying verified rows on', () => {
  it('[P-CHECKPOINT] gives what a full scan gives, wherever the history is split and however the bytes are cut', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fact, { maxLength: 60 }), fc.nat(60), fc.integer({ min: 1, max: 80 }), async (facts, split, size) => {
        const [verified, since] = [rowsOf(facts.slice(0, split)), rowsOf(facts.slice(split))]
        const merged = await textOf(carryOn(inPieces(verified, size), inPieces(since, size + 7), shape, carries))
        expect(merged).toBe(Buffer.from(rowsOf(facts)).toString())
      }),
      { numRuns: 1_000 },
    )
  })

  it('closes both sides when its reader leaves', async () => {
    const closed: string[] = []
    async function* endless(which: string) {
      try {
        for (let at = 0; ; at++) yield Buffer.from(`${which}${at.toString().padStart(9, '0')}\tx\t1\t1\n`)
      } finally {
        closed.push(which)
      }
    }
    for await (const _ of carryOn(endless('a'), endless('b'), shape, carries)) break
    expect(closed.sort()).toEqual(['a', 'b'])
  })
})
