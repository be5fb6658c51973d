import { afterEach, describe, expect, it } from 'vitest'
import { type SimCustodian, startCustodian } from '../../sim/custodian/custodian.ts'
import { custodianFaults, findCustodianFault } from '../../sim/custodian/faults/catalogue.ts'
import type { StruckCustodian } from '../../sim/custodian/faults/struck.ts'
import { moneyText, parseMoney } from '../../sim/exchange/fixed-point.ts'
import type { CustodianMovement } from '../../stores/custodian/custodian.ts'
import { type Asking, asking, refusalOf } from './asking.ts'
import { byReference } from './books.ts'

const opening = '500'
const open: (() => PromiseLike<void>)[] = []
afterEach(async () => {
  for (const close of open.splice(0).reverse()) await close()
})

/** A custodian with five settled deposits, three settled withdrawals and one on its way, all of USD. */
async function furnished(): Promise<{ readonly sim: SimCustodian; readonly asked: Asking }> {
  const sim = await startCustodian({
    opening: { USD: opening },
    latencyMsMin: 0,
    latencyMsMax: 0,
    settleMsMin: 0,
    settleMsMax: 0,
    feeOneIn: 0,
  })
  const asked = asking(sim)
  open.push(sim.stop, () => asked.adapter.close())
  for (let each = 1; each <= 5; each++) sim.deposit({ asset: 'USD', amount: `1${each}.25`, reference: `in-${each}` })
  for (let each = 1; each <= 3; each++) sim.withdraw({ asset: 'USD', amount: `${each}.5`, reference: `out-${each}` })
  sim.withdraw({ asset: 'USD', amount: '9', reference: 'out-pending', settleMs: 3_600_000 })
  return { sim, asked }
}

/** By how much the balance differs from what the list makes of the opening balance. */
async function gap({ asked }: { readonly asked: Asking }): Promise<string> {
  const movements = await asked.movements()
  const held = (await asked.balances()).reduce((sum, { asset, total }) => (asset === 'USD' ? sum + parseMoney(total) : sum), 0n)
  return moneyText(held - parseMoney(opening) - movements.reduce((sum, movement) => sum + effectOf(movement), 0n))
}

function effectOf({ kind, type, state, amount, fee }: CustodianMovement): bigint {
  if (state !== 'success') return 0n
  return (kind === 'deposit' || type === 'MANUAL_ADJUSTMENT' ? parseMoney(amount) : -parseMoney(amount)) - parseMoney(fee)
}

async function listed({ asked }: { readonly asked: Asking }, { movement }: StruckCustodian): Promise<CustodianMovement | undefined> {
  return byReference(await asked.movements()).get(movement?.reference ?? '')
}

describe('the faults of the simulated custodian', () => {
  it.each(custodianFaults.filter(fault => fault.healable).map(fault => [fault.name]))(
    '%s can be taken back, as if it had not been',
    async name => {
      const custodian = await furnished()
      const before = [await custodian.asked.movements(), custodian.sim.total('USD')]
      const struck = await custodian.sim.strike(name, { requests: 100 })
      if (struck.movement !== undefined) expect([await custodian.asked.movements(), custodian.sim.total('USD')]).not.toEqual(before)
      struck.heal?.()
      expect([await custodian.asked.movements(), custodian.sim.total('USD')]).toEqual(before)
      expect(await gap(custodian)).toBe('0')
    },
  )

  it.each([
    ['missing-deposit-at-custodian', '-15.25'],
    ['custodian-amount-off-by-smallest-unit', '0.000000000000000001'],
    ['withdrawal-sent-twice', '-3.5'],
    ['unknown-custodian-movement', '12.5'],
  ] as const)('%s leaves the custodian consistent in itself, and moves what it holds by exactly the residual', async (name, residual) => {
    const custodian = await furnished()
    const before = parseMoney(custodian.sim.total('USD'))
    const struck = await custodian.sim.strike(name)
    expect(struck.movement?.residual).toBe(residual)
    expect(moneyText(parseMoney(custodian.sim.total('USD')) - before)).toBe(residual)
    expect(await gap(custodian)).toBe('0')
  })

  it('takes a missing deposit out of the list, and another reference out of reach', async () => {
    for (const name of ['missing-deposit-at-custodian', 'reference-mismatch'] as const) {
      const custodian = await furnished()
      const struck = await custodian.sim.strike(name, { reference: 'in-2' })
      expect(struck.movement).toMatchObject({ reference: 'in-2', amount: '12.25', residual: '-12.25', asset: 'USD' })
      expect(await listed(custodian, struck)).toBeUndefined()
      expect(await gap(custodian)).toBe('0')
    }
  })

  it('sends a withdrawal a second time under the same reference', async () => {
    const { sim, asked } = await furnished()
    const { movement } = await sim.strike('withdrawal-sent-twice')
    const same = (await asked.movements()).filter(({ id, description }) => id === 'out-3' || description === 'out-3')
    expect(same.map(({ kind, state, amount }) => ({ kind, state, amount }))).toEqual([
      { kind: 'withdrawal', state: 'success', amount: '3.5' },
      { kind: 'withdrawal', state: 'success', amount: '3.5' },
    ])
    expect(movement).toMatchObject({ reference: 'out-3', id: same[0]?.id })
  })

  it('has a withdrawal that is on its way fail or stay, and charges a fee to one that has gone', async () => {
    const custodian = await furnished()
    const stuck = await custodian.sim.strike('stuck-withdrawal')
    custodian.sim.settleAll()
    expect(await listed(custodian, stuck)).toMatchObject({ state: 'pending', status: 'INPROGRESS' })
    expect(stuck.movement?.reference).toBe('out-pending')
    stuck.heal?.()
    const failed = await custodian.sim.strike('failed-withdrawal-without-refund', { ageMs: 60_000 })
    const movement = await listed(custodian, failed)
    expect(movement).toMatchObject({ state: 'failed', status: 'FAILURE', amount: '9' })
    expect(Date.now() - Date.parse(movement?.endedAt ?? '')).toBeGreaterThanOrEqual(60_000)
    const charged = await custodian.sim.strike('network-fee')
    expect(await listed(custodian, charged)).toMatchObject({
      state: 'success',
      amount: '3.5',
      fee: '0.000003000000000007',
      feeAsset: 'USD',
    })
    expect(await gap(custodian)).toBe('0')
  })

  it('has an old deposit of nobody, which no book will ever credit', async () => {
    const custodian = await furnished()
    const struck = await custodian.sim.strike('stuck-deposit', { ageMs: 7_200_000 })
    const movement = await listed(custodian, struck)
    expect(movement).toMatchObject({ kind: 'deposit', state: 'success', amount: '34.000000000000000001' })
    expect(Date.now() - Date.parse(movement?.endedAt ?? '')).toBeGreaterThanOrEqual(7_200_000)
  })

  it('lets the list lag behind the balance, for a while or for good', async () => {
    let nowMs = Date.UTC(2026, 0, 1)
    const sim = await startCustodian({ opening: { USD: opening }, latencyMsMin: 0, latencyMsMax: 0, wallMs: () => nowMs, feeOneIn: 0 })
    const custodian = { sim, asked: asking(sim) }
    open.push(sim.stop, () => custodian.asked.adapter.close())
    for (const reference of ['a', 'b']) sim.deposit({ asset: 'USD', amount: '10', reference, settleMs: 0 })
    const lagging = await sim.strike('list-lags-balance', { lagMs: 5_000 })
    expect(lagging.movement?.reference).toBe('b')
    expect(await gap(custodian)).toBe('10')
    nowMs += 5_000
    expect(await gap(custodian)).toBe('0')
    await sim.strike('list-lags-balance-forever')
    nowMs += 10 ** 10
    expect(await gap(custodian)).toBe('10')
  })

  it.each([
    ['malformed-json', 'store-error', /\/v2\/vaults\/vault-1: the answer is not JSON, or was cut off/],
    ['number-instead-of-string', 'store-error', /data\.assets\[0\]\.totalBalance\.quantity makes no sense: .*received number/],
    ['custodian-outage', 'store-unreachable', /given up after \d+ attempts/],
  ] as const)('%s is told as what it is, by either question', async (name, reasonCode, words) => {
    const { sim, asked } = await furnished()
    const struck = await sim.strike(name)
    const error = await refusalOf(asked.balances(400))
    expect(error.reasonCode).toBe(reasonCode)
    expect(error.message).toMatch(words)
    expect((await refusalOf(asked.movements([], 400))).reasonCode).toBe(reasonCode)
    struck.heal?.()
    expect(await asked.movements()).toHaveLength(9)
  })

  it('limits the rate for a while, which patience outlasts', async () => {
    const { sim, asked } = await furnished()
    await sim.strike('custodian-rate-limit', { requests: 1, retryAfterSeconds: 60 })
    expect((await refusalOf(asked.balances(5_000))).message).toMatch(/it asks to wait 60 s/)
    await sim.strike('custodian-rate-limit', { requests: 2, retryAfterSeconds: 1 })
    expect(await asked.balances()).toHaveLength(4)
  })

  it('refuses what it cannot do: a fault of the books without an exchange, and one that nothing suits', async () => {
    const { sim } = await furnished()
    for (const { name } of custodianFaults.filter(fault => fault.needsBooks))
      await expect(sim.strike(name)).rejects.toThrow(/it needs an exchange/)
    const none = sim.strike('missing-deposit-at-custodian', { reference: 'of-nobody', signal: AbortSignal.timeout(50) })
    await expect(none).rejects.toThrow(/no movement that suits/)
  })

  it('is catalogued: each once, with what the check must say', () => {
    expect(new Set(custodianFaults.map(({ name }) => name)).size).toBe(custodianFaults.length)
    expect(findCustodianFault('stuck-deposit')?.expect).toMatchObject({ reasonCode: 'stuck-transfer', after: 'custodian.inFlightLimit' })
    expect(findCustodianFault('nothing')).toBeUndefined()
  })
})
