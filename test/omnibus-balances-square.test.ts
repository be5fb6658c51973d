import { afterEach, beforeAll, beforeEach, expect, it } from 'vitest'
import type { Custodian } from '../stores/custodian/custodian.ts'
import { type CustodyBooks, openCustodyBooks } from './omnibus/custody-books.ts'
import { describeEngines, startTestEngines, type TestEngines } from './support/engines.ts'
import { until } from './support/until.ts'

let engines: TestEngines
let custody: CustodyBooks

const TWO_HOURS_MS = 2 * 3_600_000

/** A deposit that the custodian has and the books have credited. */
async function deposited(id: string, amount: string): Promise<void> {
  custody.custodian.deposit({ asset: 'USD', amount, reference: `ref-${id}` })
  await custody.book({ id, direction: 'deposit', amount, reference: `ref-${id}` })
}

describeEngines('omnibus-balances-square', () => {
  beforeAll(async () => {
    engines = await startTestEngines()
  })
  beforeEach(async () => {
    custody = await openCustodyBooks(engines)
  })
  afterEach(() => custody.close())

  it('is balanced where every transfer has moved, whatever trading made of the balances', async () => {
    await deposited('1', '1000.5')
    custody.custodian.withdraw({ asset: 'USD', amount: '0.000000000000000001', reference: 'out' })
    await custody.book({ id: '2', direction: 'withdrawal', amount: '0.000000000000000001', reference: 'out' })
    await custody.realize('USD', '-17.25')
    await custody.realize('USDC', '3')

    expect(await custody.check()).toMatchObject({
      verdict: 'balanced',
      canary: 'found',
      keysCompared: '2',
      epoch: { dropcopy: '2', cash: '2' },
      findings: [],
      explained: [],
    })
  })

  it('names what is on its way, with its age, and is balanced', async () => {
    await deposited('1', '100')
    custody.custodian.deposit({ asset: 'USD', amount: '5', reference: 'coming', createdAtMs: Date.now() - 60_000 })
    await custody.book({ id: '2', direction: 'withdrawal', amount: '7', reference: 'going' })
    custody.custodian.withdraw({ asset: 'USD', amount: '7', reference: 'going', settleMs: 600_000 })

    const run = await custody.check()

    expect(run).toMatchObject({ verdict: 'balanced', findings: [] })
    expect(run.explained).toEqual([
      { reference: 'coming', kind: 'deposit-in-flight', asset: 'USD', amount: '5', ageMs: expect.any(Number) },
      { reference: 'going', kind: 'withdrawal-in-flight', asset: 'USD', amount: '7', ageMs: expect.any(Number) },
    ])
    expect(run.explained?.[0]?.ageMs).toBeGreaterThanOrEqual(60_000)
  })

  it('explains network fees and classified movements by name', async () => {
    await deposited('1', '100')
    await custody.book({ id: '2', direction: 'withdrawal', amount: '7', reference: 'out' })
    custody.custodian.withdraw({ asset: 'USD', amount: '7', reference: 'out', fee: '0.3' })
    custody.custodian.other('STAKING_REWARD', 'in', { asset: 'USD', amount: '1', reference: 'reward' })

    expect(await custody.check()).toMatchObject({
      verdict: 'balanced',
      explained: [
        { reference: 'reward', kind: 'classified', amount: '1', ageMs: 0 },
        { reference: 'out', kind: 'network-fee', amount: '-0.3', ageMs: 0 },
      ],
    })
  })

  it('nets a transfer between vaults to zero, its fee apart', async () => {
    await deposited('1', '100')
    const [from = '', to = ''] = custody.custodian.vaults
    custody.custodian.deposit({ asset: 'USD', amount: '50', reference: 'seed', vault: from })
    await custody.book({ id: '2', direction: 'deposit', amount: '50', reference: 'seed' })
    custody.custodian.transfer({ asset: 'USD', amount: '20', reference: 'between', vault: from, toVault: to, fee: '0.1' })

    expect(await custody.check()).toMatchObject({ verdict: 'balanced', explained: [{ kind: 'network-fee', amount: '-0.1' }] })
  })

  it('finds a deposit that was credited and is not at the custodian, also where another error makes up for it', async () => {
    await custody.book({ id: '1', direction: 'deposit', amount: '10', reference: 'ghost' })
    custody.custodian.deposit({ asset: 'USD', amount: '10', reference: 'phantom' })
    await custody.book({ id: '2', direction: 'withdrawal', amount: '10', reference: 'phantom' })

    expect(await custody.check()).toMatchObject({
      verdict: 'diff',
      reasonCode: 'value-mismatch',
      findings: expect.arrayContaining([
        expect.objectContaining({ kind: 'deposit-not-at-custodian', key: { reference: 'ghost', asset: 'USD' } }),
        expect.objectContaining({ kind: 'direction-mismatch', key: { reference: 'phantom' } }),
      ]),
    })
  })

  it.each([
    [
      'a deposit credited twice',
      'value-mismatch',
      'reference-used-twice',
      '-100',
      async () => {
        await deposited('1', '100')
        await custody.book({ id: '1b', direction: 'deposit', amount: '100', reference: 'ref-1' })
      },
    ],
    [
      'a withdrawal sent twice',
      'value-mismatch',
      'reference-used-twice',
      '-40',
      async () => {
        await deposited('1', '100')
        await custody.book({ id: '2', direction: 'withdrawal', amount: '40', reference: 'out' })
        for (const carriedAs of ['id', 'description'] as const)
          custody.custodian.withdraw({ asset: 'USD', amount: '40', reference: 'out', carriedAs })
      },
    ],
    [
      'an amount that differs by the smallest unit',
      'value-mismatch',
      'amount-mismatch',
      '0.000000000000000001',
      async () => {
        custody.custodian.deposit({ asset: 'USD', amount: '100.000000000000000001', reference: 'x' })
        await custody.book({ id: '1', direction: 'deposit', amount: '100', reference: 'x' })
      },
    ],
    [
      'a withdrawal that the books know nothing of',
      'unknown-movement',
      'unknown-movement',
      '-30',
      async () => {
        await deposited('1', '100')
        custody.custodian.withdraw({ asset: 'USD', amount: '30', reference: 'theft' })
      },
    ],
    [
      'a movement of a type that nobody classified',
      'unknown-movement',
      'unknown-movement',
      '3',
      async () => {
        await deposited('1', '100')
        custody.custodian.other('AIRDROP', 'in', { asset: 'USD', amount: '3', reference: 'gift' })
      },
    ],
    [
      'a refund of a withdrawal that did leave',
      'value-mismatch',
      'refund-not-due',
      '-40',
      async () => {
        await deposited('1', '100')
        await custody.book({ id: '2', direction: 'withdrawal', amount: '40', reference: 'out' })
        custody.custodian.withdraw({ asset: 'USD', amount: '40', reference: 'out' })
        await custody.book({ id: '3', direction: 'deposit', amount: '40', reference: 'refund:2' })
      },
    ],
  ] as const)('finds %s, and by how much', async (_, reasonCode, kind, difference, happens) => {
    await happens()

    const run = await custody.check()

    expect(run).toMatchObject({ verdict: 'diff', reasonCode, mismatches: [{ key: { asset: 'USD' }, difference: { custody: difference } }] })
    expect(run.findings.map(finding => finding.kind)).toEqual([kind])
  })

  it('tells a reference that was written wrongly on both sides of it', async () => {
    custody.custodian.deposit({ asset: 'USD', amount: '9', reference: 'right' })
    await custody.book({ id: '1', direction: 'deposit', amount: '9', reference: 'wrong' })

    expect(await custody.check()).toMatchObject({
      verdict: 'diff',
      findings: [{ kind: 'deposit-not-at-custodian', key: { reference: 'wrong' } }],
      explained: [{ reference: 'right', kind: 'deposit-in-flight' }],
    })
  })

  it.each([
    [
      'deposit',
      async () => {
        custody.custodian.deposit({ asset: 'USD', amount: '5', reference: 'old', createdAtMs: Date.now() - TWO_HOURS_MS })
      },
    ],
    [
      'withdrawal',
      async () => {
        await deposited('1', '100')
        await custody.book({ id: '2', direction: 'withdrawal', amount: '5', reference: 'old', createdAtMs: Date.now() - TWO_HOURS_MS })
        custody.custodian.withdraw({ asset: 'USD', amount: '5', reference: 'old', outcome: 'never' })
      },
    ],
  ] as const)('reports a %s that is on its way for too long, though the sums come out', async (_, happens) => {
    await happens()

    expect(await custody.check()).toMatchObject({
      verdict: 'diff',
      reasonCode: 'stuck-transfer',
      mismatchCount: '0',
      findings: [{ kind: 'stuck-transfer', key: { reference: 'old' } }],
    })
  })

  it('waits for the refund of a failed withdrawal, and is closed by it', async () => {
    await deposited('1', '100')
    await custody.book({ id: '2', direction: 'withdrawal', amount: '40', reference: 'out' })
    custody.custodian.withdraw({ asset: 'USD', amount: '40', reference: 'out', outcome: 'REJECTED' })
    expect(await custody.check()).toMatchObject({
      verdict: 'balanced',
      explained: [{ reference: 'out', kind: 'refund-due', amount: '40' }],
    })

    await custody.book({ id: '3', direction: 'deposit', amount: '40', reference: 'refund:2' })
    expect(await custody.check()).toMatchObject({ verdict: 'balanced', explained: [] })
  })

  it('waits for the debit of a withdrawal that left between the cut and the answer', async () => {
    await deposited('1', '100')
    custody.custodian.withdraw({ asset: 'USD', amount: '40', reference: 'out' })
    const running = custody.check({ horizonTimeoutMs: 10_000 })
    // The custodian is asked only once E is known.
    await until('the custodian was asked', () => custody.custodian.status().requests > 0)
    await custody.book({ id: '2', direction: 'withdrawal', amount: '40', reference: 'out' })

    expect(await running).toMatchObject({
      verdict: 'balanced',
      epoch: { cash: '1' },
      explained: [{ reference: 'out', kind: 'withdrawal-ahead-of-books', amount: '-40' }],
    })
  })

  it('asks again where the list lags behind the balance, until they agree', async () => {
    await deposited('1', '100')
    let answers = 0
    const lagging: Custodian = {
      ...custody.adapter,
      movements: async (...args) => (answers++ < 2 ? [] : custody.adapter.movements(...args)),
    }

    expect(await custody.check({ horizonTimeoutMs: 10_000 }, { custodian: lagging })).toMatchObject({ verdict: 'balanced' })
    expect(answers).toBe(3)
  })

  it('says nothing where the list lags behind the balance to the end', async () => {
    await deposited('1', '100')
    const lagging: Custodian = { ...custody.adapter, movements: async () => [] }

    expect(await custody.check({}, { custodian: lagging })).toMatchObject({
      verdict: 'inconclusive',
      reasonCode: 'custodian-inconsistent',
      findings: [{ kind: 'custodian-gap', key: { asset: 'USD' }, detail: { gap: '100' } }],
    })
  })

  it('says nothing where the custodian cannot be reached', async () => {
    await deposited('1', '100')
    await custody.custodian.stop()

    expect(await custody.check()).toMatchObject({ verdict: 'inconclusive', reasonCode: 'store-unreachable', findings: [] })
  })
})
