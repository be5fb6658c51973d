import { randomUUID } from 'node:crypto'
import pg from 'pg'
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { StoreError } from '../epoch/store-error.ts'
import type { CustodianMovement } from '../stores/custodian/custodian.ts'
import type { SettledHistory } from '../stores/state/settled-history.ts'
import { NOTHING_SETTLED, type SettledAdvance } from '../stores/state/settled-record.ts'
import { openState, type State } from '../stores/state/state.ts'
import { type CustodyBooks, openCustodyBooks } from './omnibus/custody-books.ts'
import { describeEngines, startTestEngines, type TestEngines } from './support/engines.ts'

let engines: TestEngines
let state: State
let memory: SettledHistory
const never = new AbortController().signal

const movement: CustodianMovement = {
  id: 'tx-1',
  vault: 'vault-1',
  kind: 'deposit',
  type: 'DEPOSIT',
  state: 'success',
  status: 'SUCCESS',
  asset: 'USD',
  amount: '12345678901234567890.000000000000000001',
  fee: '0',
  feeAsset: 'USD',
  description: 'ref-"1"\n☃',
  endedAt: '2026-01-02T03:04:05.678Z',
}
const transfer = {
  transferId: 't-1',
  sequence: 9_007_199_254_740_993n,
  asset: 'USD',
  direction: 'deposit' as const,
  amount: movement.amount,
  reference: movement.description,
  createdAtMs: 1_767_323_045_678,
}
const advance: SettledAdvance = {
  boundaries: [{ vault: 'vault-1', id: 'tx-1' }],
  sequence: transfer.sequence,
  sums: { ...NOTHING_SETTLED, deposits: { USD: movement.amount } },
  movements: [movement],
  transfers: [transfer],
}

async function freshState(): Promise<State> {
  const name = `settled_${randomUUID().replaceAll('-', '')}`
  const client = new pg.Client({ connectionString: engines.postgresUrl })
  await client.connect()
  await client.query(`create database ${name}`)
  await client.end()
  const url = new URL(engines.postgresUrl)
  url.pathname = `/${name}`
  return openState(url.href, { connectTimeoutMs: 5_000, statementTimeoutMs: 5_000, migrateTimeoutMs: 20_000, signal: never })
}

describeEngines('what recon remembers of a custodian', () => {
  beforeAll(async () => {
    engines = await startTestEngines()
  })
  beforeEach(async () => {
    state = await freshState()
    memory = state.settledHistory('custodian-1')
  })
  afterEach(() => state.close())

  it('is nothing at first, and comes back digit for digit', async () => {
    const first = await memory.head(never)
    expect(first).toEqual({ era: 0n, version: 0n, boundaries: [], sequence: 0n, sums: NOTHING_SETTLED })

    expect(await memory.advance(first, advance, never)).toBe(true)

    const { movements, transfers, ...head } = advance
    expect(await memory.head(never)).toEqual({ ...head, era: 0n, version: 1n })
    expect(await memory.find({ era: 0n, version: 1n }, { references: [movement.description], transferIds: [] }, never)).toEqual({
      movements,
      transfers,
    })
    expect(await memory.find({ era: 0n, version: 1n }, { references: ['tx-1'], transferIds: ['t-1'] }, never)).toEqual({
      movements,
      transfers,
    })
    expect(await memory.find({ era: 0n, version: 1n }, { references: ['', 'tx'], transferIds: ['t'] }, never)).toEqual({
      movements: [],
      transfers: [],
    })
  })

  it('advances once from one head, however many runs try', async () => {
    const head = await memory.head(never)

    const advanced = await Promise.all([1, 2, 3].map(() => state.settledHistory('custodian-1').advance(head, advance, never)))

    expect(advanced.filter(Boolean)).toHaveLength(1)
    expect((await memory.head(never)).version).toBe(1n)
  })

  it('finds for a run what was settled by the head that it began at, whatever another run settles meanwhile', async () => {
    const before = await memory.head(never)
    await memory.advance(before, advance, never)
    const keys = { references: ['tx-1'], transferIds: ['t-1'] }

    expect(await memory.find(before, keys, never)).toEqual({ movements: [], transfers: [] })
    expect((await memory.find(await memory.head(never), keys, never)).movements).toEqual([movement])
  })

  it('keeps all of an advance or nothing', async () => {
    const head = await memory.head(never)

    await expect(memory.advance(head, { ...advance, transfers: [transfer, transfer] }, never)).rejects.toThrow(/duplicate key/)

    expect(await memory.head(never)).toEqual(head)
    expect(await memory.find({ era: 0n, version: 1n }, { references: ['tx-1'], transferIds: [] }, never)).toEqual({
      movements: [],
      transfers: [],
    })
  })

  it('belongs to one custodian, and to one era: an accepted epoch makes it void, also for a run that began before', async () => {
    const head = await memory.head(never)
    await memory.advance(head, advance, never)
    expect((await state.settledHistory('custodian-2').head(never)).version).toBe(0n)
    const before = await memory.head(never)

    await state.acceptEpoch('failover', never)

    expect(await memory.head(never)).toEqual({ era: 1n, version: 0n, boundaries: [], sequence: 0n, sums: NOTHING_SETTLED })
    expect(await memory.find({ era: 1n, version: 1n }, { references: ['tx-1'], transferIds: [] }, never)).toEqual({
      movements: [],
      transfers: [],
    })
    expect(await memory.advance(before, advance, never)).toBe(false)
  })

  it('holds since when a gap has stood in exactly its amount, and forgets it once it is gone', async () => {
    const gap = { asset: 'USD', amount: '5' }
    expect(await memory.noteGaps([gap], 1_000, never)).toEqual([{ ...gap, sinceMs: 1_000 }])
    expect(await memory.noteGaps([gap, { asset: 'BTC', amount: '-1' }], 2_000, never)).toEqual([
      { ...gap, sinceMs: 1_000 },
      { asset: 'BTC', amount: '-1', sinceMs: 2_000 },
    ])
    expect(await memory.noteGaps([{ ...gap, amount: '5.000000000000000001' }], 3_000, never)).toEqual([
      { asset: 'USD', amount: '5.000000000000000001', sinceMs: 3_000 },
    ])
    expect(await memory.noteGaps([], 4_000, never)).toEqual([])
    expect(await memory.noteGaps([gap], 5_000, never)).toEqual([{ ...gap, sinceMs: 5_000 }])
  })

  describe('as the check uses it', () => {
    let custody: CustodyBooks

    const deposited = async (id: string, amount: string) => {
      custody.custodian.deposit({ asset: 'USD', amount, reference: `ref-${id}`, vault: 'vault-1' })
      await custody.book({ id, direction: 'deposit', amount, reference: `ref-${id}` })
    }

    beforeEach(async () => {
      custody = await openCustodyBooks(engines, memory)
    })
    afterEach(() => custody.close())

    it('is not listed again, and its fees stay explained', async () => {
      for (let at = 1; at <= 120; at++) await deposited(String(at), '10')
      await custody.book({ id: 'w', direction: 'withdrawal', amount: '7', reference: 'out' })
      custody.custodian.withdraw({ asset: 'USD', amount: '7', reference: 'out', fee: '0.5', vault: 'vault-1' })
      const asked = async () => {
        const before = custody.custodian.status().requests
        expect(await custody.check()).toMatchObject({ verdict: 'balanced', explained: [{ kind: 'network-fee', amount: '-0.5' }] })
        return custody.custodian.status().requests - before
      }

      const [first, second] = [await asked(), await asked()]

      // Two pages of the first vault and one of the second, and two balances; then one page each.
      expect([first, second]).toEqual([5, 4])
      expect(await memory.head(never)).toMatchObject({ version: 1n, sequence: 121n, sums: { fees: { USD: '0.5' } } })
      expect((await custody.check()).capture.rows).toBe('1')
    })

    it('sees that a settled reference is used again', async () => {
      await deposited('1', '10')
      expect(await custody.check()).toMatchObject({ verdict: 'balanced' })
      await custody.book({ id: '1b', direction: 'deposit', amount: '10', reference: 'ref-1' })

      expect(await custody.check()).toMatchObject({
        verdict: 'diff',
        findings: [{ kind: 'reference-used-twice', key: { reference: 'ref-1' }, detail: { transfers: '1, 1b' } }],
        mismatches: [{ difference: { custody: '-10' } }],
      })
      expect((await memory.head(never)).version).toBe(1n)
    })

    it('turns a contradiction that stands for longer than it may into a movement that nobody lists', async () => {
      await deposited('1', '10')
      const lagging = { ...custody.adapter, movements: async () => [] }
      const ask = () => custody.check({ horizonTimeoutMs: 400 }, { custodian: lagging, inconsistentLimitMs: 100 })
      const first = await ask()
      expect(first).toMatchObject({ verdict: 'inconclusive', reasonCode: 'custodian-inconsistent' })

      let run = await ask()
      // Every run but the last may come before the limit.
      while (run.verdict === 'inconclusive' && Date.parse(run.finishedAt) < Date.parse(first.finishedAt) + 10_000) run = await ask()

      expect(run).toMatchObject({ verdict: 'diff', reasonCode: 'unknown-movement' })
      expect(run.findings).toContainEqual({
        kind: 'unknown-movement',
        key: { asset: 'USD' },
        detail: { gap: '10', since: expect.any(String), why: expect.any(String) },
      })
    })

    it('is done without where it cannot be reached: everything is listed, and a warning says so', async () => {
      await deposited('1', '10')
      expect(await custody.check()).toMatchObject({ verdict: 'balanced', warnings: [] })
      const gone = async () => {
        throw new StoreError('state', 'store-unreachable', 'it is gone')
      }

      expect(await custody.check({}, { memory: { ...memory, head: gone } })).toMatchObject({
        verdict: 'balanced',
        warnings: [expect.stringMatching(/^everything is listed and read/)],
      })
    })
  })
})
