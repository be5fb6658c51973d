import { describe, expect, it } from 'vitest'
import { mayHoldRepeats } from '../stores/clickhouse/proof.ts'

describe('sums over rows as they are', () => {
  it.each([
    ['are right where there is one row for each address', { dropcopy: 2n, cash: 1n }, { dropcopy: 2n, cash: 1n }, 0n, 3n, false],
    ['are right beside rows of streams that nobody declared', { dropcopy: 2n, cash: 0n }, { dropcopy: 2n, cash: 0n }, 1n, 3n, false],
    ['may hold a delivery twice where rows outnumber addresses', { dropcopy: 3n, cash: 1n }, { dropcopy: 2n, cash: 1n }, 0n, 4n, true],
    // Summed: a, a. Counted a moment later, when b had come: a, a, b. Two rows and two addresses, and neither is of the other.
    ['may hold one where a row came in between the two parts and makes up for it', { dropcopy: 2n }, { dropcopy: 2n }, 0n, 3n, true],
    ['may hold one in one stream that another seems to make up for', { dropcopy: 3n, cash: 1n }, { dropcopy: 2n, cash: 2n }, 0n, 4n, true],
  ])('%s', (_what, facts, addresses, undeclared, rows, repeated) => {
    expect(mayHoldRepeats({ facts, addresses, undeclared, rows })).toBe(repeated)
  })
})
