import { describe, expect, it } from 'vitest'
import { defineRelation } from '../../checks/relation.ts'
import type { RunOptions } from '../../checks/run-check.ts'
import { runRelation } from '../../checks/run-relation.ts'
import type { Epoch } from '../../epoch/epoch.ts'
import { functionAsOfLeg, functionSnapshotLeg } from '../../epoch/function-legs.ts'
import type { PlainRow } from '../../epoch/plain-row.ts'
import { virtualClock } from '../../sim/testing/virtual-clock.ts'

const SHAPE = { keys: ['account_id'], values: ['balance'], aggregating: true } as const
const streams = ['dropcopy']

/** Runs a relation of a state and a history, both given as functions of the virtual time. */
function run(
  state: (atMs: number) => { readonly epoch: Epoch; readonly stamps?: Epoch; readonly rows: readonly PlainRow[] },
  history: { readonly reached: (atMs: number) => Epoch; readonly rowsAsOf: (epoch: Epoch) => readonly PlainRow[] },
  options: Partial<RunOptions> = {},
) {
  const clock = virtualClock()
  const now = () => clock.monotonicMs()
  const relation = defineRelation({
    name: 'functions',
    description: 'what two functions say',
    ...SHAPE,
    left: functionSnapshotLeg({ store: 'state', streams, shape: SHAPE, capture: async () => state(now()) }),
    right: functionAsOfLeg({
      store: 'history',
      streams,
      shape: SHAPE,
      reached: async () => history.reached(now()),
      rowsAsOf: async epoch => history.rowsAsOf(epoch),
    }),
  })
  const base = {
    runId: 'r',
    clock,
    signal: new AbortController().signal,
    timeoutMs: 60_000,
    captureTimeoutMs: 1_000,
    horizonTimeoutMs: 1_000,
    maxMismatches: 10,
  }
  return clock.drive(() => runRelation(relation, { ...base, ...options }))
}

const whole = { epoch: { dropcopy: 5n }, stamps: { dropcopy: 5n }, rows: [{ account_id: 'A', balance: '5' }] }
const counting = (epoch: Epoch) => [{ account_id: 'A', balance: epoch['dropcopy'] ?? 0n }]

describe('legs made of functions', () => {
  it('are compared at the epoch of the state, however much further the history is', async () => {
    expect(await run(() => whole, { reached: () => ({ dropcopy: 900n }), rowsAsOf: counting })).toMatchObject({
      verdict: 'balanced',
      epoch: { dropcopy: '5' },
      horizon: { strategy: 'settle' },
    })
  })

  it('wait for the history to reach the epoch, and name where it stands when it does not', async () => {
    const history = (after: number) => ({ reached: (atMs: number) => ({ dropcopy: atMs < after ? 4n : 6n }), rowsAsOf: counting })
    const reached = await run(() => whole, history(300))
    expect(reached.verdict).toBe('balanced')
    expect(reached.horizon.waitedMs).toBe(300)
    expect(await run(() => whole, history(3_000))).toMatchObject({
      verdict: 'inconclusive',
      reasonCode: 'horizon-timeout',
      reason: expect.stringContaining('for stream dropcopy stands at 4 and must reach 5'),
    })
  })

  it('are torn where a stamp lies above the epoch, until it does not', async () => {
    const torn = { ...whole, stamps: { dropcopy: 7n } }
    const history = { reached: () => ({ dropcopy: 9n }), rowsAsOf: counting }
    expect(await run(atMs => (atMs < 50 ? torn : whole), history)).toMatchObject({ verdict: 'balanced' })
    expect(await run(() => torn, history)).toMatchObject({ verdict: 'inconclusive', reasonCode: 'torn-cut' })
  })

  it('differ by what they differ by', async () => {
    const rows = [{ account_id: 'A', balance: '5.000000000000000001' }]
    expect(await run(() => ({ ...whole, rows }), { reached: () => ({ dropcopy: 5n }), rowsAsOf: counting })).toMatchObject({
      verdict: 'diff',
      reasonCode: 'value-mismatch',
      mismatches: [{ key: { account_id: 'A' }, difference: { balance: '0.000000000000000001' } }],
    })
  })
})
