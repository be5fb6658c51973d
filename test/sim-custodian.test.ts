import fc from 'fast-check'
import { afterEach, describe, expect, it } from 'vitest'
import { addDecimals, formatDecimal, negateDecimal, parseDecimal, ZERO } from '../epoch/decimal.ts'
import { type SimCustodian, startCustodian } from '../sim/custodian/custodian.ts'
import type { CustodianOptions } from '../sim/custodian/options.ts'
import { parameters } from '../sim/testing/parameters.ts'
import type { CustodianMovement } from '../stores/custodian/custodian.ts'
import { asking, refusalOf } from './custodian/asking.ts'

const open: (() => PromiseLike<void>)[] = []
afterEach(async () => {
  for (const close of open.splice(0).reverse()) await close()
})

async function custodian(options: CustodianOptions = {}): Promise<SimCustodian> {
  const sim = await startCustodian({ latencyMsMin: 0, latencyMsMax: 0, ...options })
  open.push(sim.stop)
  return sim
}

function adapterOf(sim: SimCustodian) {
  const asked = asking(sim)
  open.push(() => asked[Symbol.asyncDispose]())
  return asked
}

/** What a custodian holds of an asset by its own list: all that is SUCCESS, fees included. */
function sumOf(
  movements: readonly CustodianMovement[],
  asset: string,
  opening: string,
  direction: (movement: CustodianMovement) => number,
): string {
  let sum = parseDecimal(opening)
  for (const movement of movements) {
    if (movement.state !== 'success') continue
    const sign = direction(movement)
    const amount = sign === 0 || movement.asset !== asset ? ZERO : parseDecimal(movement.amount)
    sum = addDecimals(sum, sign < 0 ? negateDecimal(amount) : amount)
    if (movement.feeAsset === asset) sum = addDecimals(sum, negateDecimal(parseDecimal(movement.fee)))
  }
  return formatDecimal(sum)
}

const direction = ({ kind, type }: CustodianMovement) =>
  kind === 'deposit' || type === 'REWARD' ? 1 : kind === 'withdrawal' || type === 'CHARGE' ? -1 : 0

const step = fc.oneof(
  { weight: 4, arbitrary: fc.record({ what: fc.constant('deposit' as const), units: fc.bigInt({ min: 1n, max: 10n ** 24n }) }) },
  { weight: 3, arbitrary: fc.record({ what: fc.constant('withdraw' as const), units: fc.bigInt({ min: 1n, max: 10n ** 20n }) }) },
  {
    weight: 1,
    arbitrary: fc.record({ what: fc.constantFrom('transfer', 'REWARD', 'CHARGE'), units: fc.bigInt({ min: 1n, max: 10n ** 19n }) }),
  },
  { weight: 3, arbitrary: fc.record({ what: fc.constantFrom('pass', 'settle'), units: fc.bigInt({ min: 1n, max: 3_000n }) }) },
)

describe('the simulated custodian', () => {
  it('holds at every moment what it opened with and what its list has moved, in every asset', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.string(),
        fc.array(
          fc.record({ step, asset: fc.constantFrom('USD', 'USDC'), outcome: fc.constantFrom('SUCCESS', 'SUCCESS', 'FAILURE', 'never') }),
          {
            minLength: 1,
            maxLength: 40,
          },
        ),
        async (seed, steps) => {
          let nowMs = Date.UTC(2026, 0, 1)
          const opening = { USD: '1000.000000000000000001', USDC: '1000' }
          const sim = await startCustodian({ seed, opening, latencyMsMin: 0, latencyMsMax: 0, feeOneIn: 2, wallMs: () => nowMs })
          const asked = asking(sim)
          try {
            for (const [index, { step, asset, outcome }] of steps.entries()) {
              const amount = text(step.units)
              const order = { asset, amount, reference: `r${index}`, outcome } as const
              if (step.what === 'deposit') sim.deposit(order)
              else if (step.what === 'withdraw') withRoom(() => sim.withdraw(order))
              else if (step.what === 'transfer') withRoom(() => sim.transfer({ ...order, vault: 'vault-1', toVault: 'vault-2' }))
              else if (step.what === 'REWARD') sim.other(step.what, 'in', order)
              else if (step.what === 'CHARGE') withRoom(() => sim.other(step.what, 'out', order))
              else if (step.what === 'pass') nowMs += Number(step.units)
              else sim.settleAll()
              const movements = await asked.movements()
              const balances = await asked.balances()
              for (const of of ['USD', 'USDC'] as const) {
                const held = balances.reduce((sum, each) => (each.asset === of ? addDecimals(sum, parseDecimal(each.total)) : sum), ZERO)
                expect(formatDecimal(held)).toBe(sumOf(movements, of, opening[of], direction))
                expect(formatDecimal(held)).toBe(sim.total(of))
              }
            }
          } finally {
            await asked.adapter.close()
            await sim.stop()
          }
        },
      ),
      parameters({ numRuns: 25 }),
    )
  })

  it('leads a withdrawal through its states, and moves the money with the last', async () => {
    let nowMs = Date.UTC(2026, 0, 1)
    const sim = await custodian({ opening: { USD: '10' }, wallMs: () => nowMs, feeOneIn: 0 })
    sim.withdraw({ asset: 'USD', amount: '4', reference: 'r', settleMs: 3_000 })
    const { movements } = adapterOf(sim)
    const seen: unknown[] = []
    for (; seen.length < 4; nowMs += 1_000) {
      const [movement] = await movements()
      seen.push([movement?.status, movement?.state, movement?.endedAt, sim.total('USD'), sim.status().pending])
    }
    expect(seen).toEqual([
      ['INITIATING', 'pending', null, '10', 1],
      ['NEEDS_APPROVAL', 'pending', null, '10', 1],
      ['INPROGRESS', 'pending', null, '10', 1],
      ['SUCCESS', 'success', '2026-01-01T00:00:03.000Z', '6', 0],
    ])
  })

  it('moves nothing with a withdrawal that fails, is rejected or expires, and settles on demand all that would settle', async () => {
    const sim = await custodian({ opening: { USD: '10' }, settleMsMin: 60_000, settleMsMax: 60_000, feeOneIn: 0 })
    for (const outcome of ['FAILURE', 'REJECTED', 'EXPIRED'] as const)
      sim.withdraw({ asset: 'USD', amount: '3', reference: outcome, outcome })
    sim.deposit({ asset: 'USD', amount: '1', reference: 'in' })
    sim.withdraw({ asset: 'USD', amount: '1', reference: 'stuck', outcome: 'never' })
    expect(sim.status()).toMatchObject({ pending: 5, success: 0, failed: 0 })
    sim.settleAll()
    expect(sim.status()).toMatchObject({ pending: 1, success: 1, failed: 3 })
    expect(sim.total('USD')).toBe('11')
  })

  it('spends nothing twice: what is on its way out is not there for another withdrawal', async () => {
    const sim = await custodian({ opening: { USD: '10' }, settleMsMin: 60_000, settleMsMax: 60_000, feeOneIn: 0 })
    sim.withdraw({ asset: 'USD', amount: '7', reference: 'first' })
    expect(() => sim.withdraw({ asset: 'USD', amount: '4', reference: 'second' })).toThrow(/no wallet with 4 USD; the fullest has 3/)
  })

  it('carries the reference of some transactions as their id, and of others as their description', async () => {
    const sim = await custodian()
    for (let each = 1; each <= 60; each++) sim.deposit({ asset: 'USD', amount: '1', reference: `r${each}` })
    const movements = await adapterOf(sim).movements()
    const asId = movements.filter(({ id }) => id.startsWith('r'))
    const asDescription = movements.filter(({ description }) => description.startsWith('r'))
    expect(asId.length + asDescription.length).toBe(60)
    expect(asId.length).toBeGreaterThan(10)
    expect(asDescription.length).toBeGreaterThan(10)
  })

  it('makes the same transactions for the same seed', async () => {
    const made = async (seed: string) => {
      const sim = await custodian({ seed, opening: { USD: '1000' }, wallMs: () => 0 })
      for (let each = 1; each <= 20; each++) sim.withdraw({ asset: 'USD', amount: '1', reference: `r${each}` })
      return sim.movements()
    }
    expect(await made('a')).toEqual(await made('a'))
    expect(await made('a')).not.toEqual(await made('b'))
  })

  it('limits the rate of requests, and says when it may be asked again', async () => {
    let nowMs = 1_000
    const sim = await custodian({ requestsPerSecond: 3, wallMs: () => nowMs })
    const ask = () => fetch(`${sim.url}/v2/vaults/vault-1`, { headers: { 'api-access-key': sim.apiKey } })
    const statuses: number[] = []
    for (let each = 1; each <= 4; each++) statuses.push((await ask()).status)
    expect(statuses).toEqual([200, 200, 200, 429])
    expect((await ask()).headers.get('retry-after')).toBe('1')
    nowMs += 1_000
    expect((await ask()).status).toBe(200)
  })

  it('refuses what it does not know: a key, a path, a vault, a limit, a page', async () => {
    const sim = await custodian()
    const status = async (path: string, key = sim.apiKey) => (await fetch(sim.url + path, { headers: { 'api-access-key': key } })).status
    expect(await status('/v2/vaults/vault-1')).toBe(200)
    expect(await status('/v2/vaults/vault-1', 'another')).toBe(401)
    expect(await status('/v2/vaults/none')).toBe(404)
    expect(await status('/v2/nothing')).toBe(404)
    expect(await status('/v2/transactions?vaultId=vault-1&limit=101')).toBe(400)
    expect(await status('/v2/transactions?vaultId=vault-1&afterId=none')).toBe(400)
  })

  it('ends its server while it is asked, and twice', async () => {
    const sim = await custodian({ latencyMsMin: 20_000, latencyMsMax: 20_000 })
    const asked = refusalOf(adapterOf(sim).balances(1_000))
    await Promise.all([sim.stop(), sim.stop()])
    expect((await asked).reasonCode).toBe('store-unreachable')
  })
})

function text(units: bigint): string {
  return formatDecimal({ unscaled: units, scale: 18 })
}

/** Not every wallet has enough for every withdrawal; then there is none. */
function withRoom(take: () => unknown): void {
  try {
    take()
  } catch (error) {
    if (!(error instanceof Error) || !error.message.includes('no wallet')) throw error
  }
}
