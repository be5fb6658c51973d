import { describe, expect, it } from 'vitest'
import { defineRelation } from '../../checks/relation.ts'
import { runRelation } from '../../checks/run-relation.ts'
import { linesOfRows } from '../../epoch/compare-rows.ts'
import { functionSnapshotLeg } from '../../epoch/function-legs.ts'
import type { CountedRows } from '../../epoch/horizon.ts'
import type { AsOfLeg } from '../../epoch/leg.ts'
import { withCanary } from '../../epoch/plain-row.ts'
import { virtualClock } from '../../sim/testing/virtual-clock.ts'

const shape = { keys: ['account_id'], values: ['balance'], aggregating: true }
const rows = [{ account_id: 'A', balance: '1' }]

/** A history that counts as it is told to, reading by reading, as a server without a snapshot over a whole statement may. */
function countingLeg(counts: readonly (readonly [facts: bigint, addresses: bigint])[], conflicts: readonly string[] = []): AsOfLeg {
  let reading = 0
  return {
    kind: 'as-of',
    store: 'history',
    streams: ['dropcopy'],
    strategy: 'watermark',
    awaitHorizon: async () => ({
      kind: 'reached',
      horizon: { strategy: 'watermark', table: 'facts', at: { dropcopy: 1n }, rowsTotal: { dropcopy: 1n } },
    }),
    read: (_epoch, _horizon, context) => {
      const [facts, addresses] = counts[Math.min(reading++, counts.length - 1)] ?? [0n, 0n]
      const counted: CountedRows = { facts: { dropcopy: facts }, addresses: { dropcopy: addresses }, undeclared: 0n, rows: facts }
      return { lines: linesOfRows(withCanary(rows, shape, context), shape), counted: () => counted }
    },
    awaitChange: async () => false,
    isCaughtUp: async () => true,
    findConflicts: async () => conflicts,
  }
}

function check(leg: AsOfLeg) {
  const clock = virtualClock()
  const relation = defineRelation({
    name: 'books',
    description: 'books',
    ...shape,
    left: functionSnapshotLeg({ store: 'state', streams: ['dropcopy'], shape, capture: async () => ({ epoch: { dropcopy: 1n }, rows }) }),
    right: leg,
  })
  return clock.drive(() =>
    runRelation(relation, {
      runId: 'r',
      clock,
      signal: new AbortController().signal,
      timeoutMs: 60_000,
      captureTimeoutMs: 1_000,
      horizonTimeoutMs: 1_000,
      maxMismatches: 10,
    }),
  )
}

describe('counts of different moments', () => {
  it('are read again until they are of one: fewer facts than addresses', async () => {
    expect(
      await check(
        countingLeg([
          [0n, 1n],
          [1n, 1n],
        ]),
      ),
    ).toMatchObject({ verdict: 'balanced', horizon: { readings: 2 } })
  })

  it('are read again until they are of one: more facts than addresses, and no address that holds two', async () => {
    expect(
      await check(
        countingLeg([
          [2n, 1n],
          [1n, 1n],
        ]),
      ),
    ).toMatchObject({ verdict: 'balanced', horizon: { readings: 2 } })
  })

  it('are a conflict where an address does hold two facts', async () => {
    expect(await check(countingLeg([[2n, 1n]], ['a']))).toMatchObject({
      verdict: 'diff',
      reasonCode: 'conflicting-duplicate',
      conflicts: ['a'],
    })
  })
})
