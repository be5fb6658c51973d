import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import { type Exchange, startExchange } from '../../sim/exchange/exchange.ts'
import type { ExchangeOptions } from '../../sim/exchange/exchange-options.ts'
import { moneyText, parseMoney } from '../../sim/exchange/fixed-point.ts'
import type { Stores } from '../../sim/sandbox/stores.ts'
import { describeEngines, startTestEngines, type TestEngines } from '../support/engines.ts'
import { until } from '../support/until.ts'
import { asking } from './asking.ts'
import { type BookedTransfer, bookedSum, byReference, readBooks } from './books.ts'

const WAIT_MS = 60_000
const spec = { seed: 'custody', accounts: 60, eventsPerTransfer: 2, failingWithdrawalsOneIn: 4 }
const sink = { lagMsMin: 0, lagMsMax: 20, replayChance: 0, batchMs: 20 }

describeEngines('a custodian that follows the exchange', () => {
  vi.setConfig({ testTimeout: 120_000 })
  let engines: TestEngines
  beforeAll(async () => {
    engines = await startTestEngines()
  })
  const used: Stores[] = []
  afterAll(async () => {
    for (const stores of used) await stores.drop()
  })
  const freshStores = async () => {
    const stores = await engines.createStores('custody')
    used.push(stores)
    return stores
  }
  const during = async <T>(options: ExchangeOptions, work: (exchange: Exchange) => Promise<T>): Promise<T> => {
    const exchange = await startExchange({ spec, sink, custodian: { settleMsMax: 600 }, ...options })
    try {
      return await work(exchange)
    } finally {
      await exchange.stop()
    }
  }

  it('has every deposit before it is credited, and no withdrawal before it is debited, at every moment', async () => {
    const stores = await freshStores()
    await during({ stores, rate: 600, events: 1_800n }, async exchange => {
      const custodian = custodianOf(exchange)
      const asked = asking(custodian)
      let looked = 0
      let inFlight = 0
      const look = async () => {
        const before = await readBooks(stores.postgresUrl)
        const movements = await asked.movements()
        const after = await readBooks(stores.postgresUrl)
        const listed = byReference(movements)
        for (const deposit of before.filter(isPlainDeposit))
          expect(listed.get(deposit.reference)).toMatchObject({ kind: 'deposit', state: 'success' })
        const booked = new Set(after.map(({ reference }) => reference))
        for (const { kind, id, description } of movements) {
          if (kind === 'withdrawal') expect(booked.has(id) || booked.has(description)).toBe(true)
        }
        for (const refund of before.filter(isRefund)) {
          const withdrawal = before.find(({ transferId }) => `refund:${transferId}` === refund.reference)
          expect(listed.get(withdrawal?.reference ?? '')).toMatchObject({ kind: 'withdrawal', state: 'failed' })
        }
        inFlight +=
          movements.filter(({ kind, state }) => (kind === 'withdrawal' ? state === 'pending' : state === 'success')).length - before.length
        looked += 1
      }
      const done = exchange.caughtUp(AbortSignal.timeout(WAIT_MS))
      let finished = false
      done.then(
        () => {
          finished = true
        },
        () => undefined,
      )
      while (!finished) await look()
      await done
      await custodian.caughtUp(AbortSignal.timeout(WAIT_MS))
      await look()
      expect(looked).toBeGreaterThan(5)
      expect(inFlight).not.toBe(0)
      custodian.settleAll()
      await expectSquare(exchange, await readBooks(stores.postgresUrl))
      const transfers = await readBooks(stores.postgresUrl)
      expect(transfers.filter(isRefund).length).toBeGreaterThan(5)
      await asked.adapter.close()
    })
  })

  it('tells the same story, in the same order, when it is started again, and goes on', async () => {
    const stores = await freshStores()
    const story = async (exchange: Exchange) => {
      const custodian = custodianOf(exchange)
      await exchange.caughtUp(AbortSignal.timeout(WAIT_MS))
      await custodian.caughtUp(AbortSignal.timeout(WAIT_MS))
      await until('everything has settled', () => custodian.status().pending === 0)
      const asked = asking(custodian)
      const movements = await asked.movements()
      await asked.adapter.close()
      await expectSquare(exchange, await readBooks(stores.postgresUrl))
      return movements
    }
    const first = await during({ stores, rate: 2_000, events: 600n }, story)
    expect(first.length).toBeGreaterThan(200)
    const again = await during({ stores, rate: 2_000, events: 400n }, story)
    for (const vault of ['vault-1', 'vault-2']) {
      const [before, after] = [first, again].map(list => list.filter(movement => movement.vault === vault))
      expect(after?.slice(-(before?.length ?? 0))).toEqual(before)
    }
    expect(again.length).toBeGreaterThan(first.length)
  })

  it('takes up an exchange that had no custodian until now', async () => {
    const stores = await freshStores()
    const plain = await startExchange({ stores, spec, sink, rate: Number.POSITIVE_INFINITY, events: 500n })
    await plain.caughtUp(AbortSignal.timeout(WAIT_MS)).finally(plain.stop)
    await during({ stores, rate: 1_000, events: 100n }, async exchange => {
      await exchange.caughtUp(AbortSignal.timeout(WAIT_MS))
      await custodianOf(exchange).caughtUp(AbortSignal.timeout(WAIT_MS))
      custodianOf(exchange).settleAll()
      await expectSquare(exchange, await readBooks(stores.postgresUrl))
    })
  })

  it('keeps ahead of an exchange at full speed that begins with thousands of deposits', async () => {
    const stores = await freshStores()
    await during({ stores, spec: { ...spec, openingDeposits: 5_000 }, rate: Number.POSITIVE_INFINITY, events: 2_000n }, async exchange => {
      await exchange.caughtUp(AbortSignal.timeout(WAIT_MS))
      await custodianOf(exchange).caughtUp(AbortSignal.timeout(WAIT_MS))
      custodianOf(exchange).settleAll()
      await expectSquare(exchange, await readBooks(stores.postgresUrl))
    })
  })

  it('lets a cash writer that was killed go on', async () => {
    const stores = await freshStores()
    await during({ stores, rate: 1_000, events: 1_000n }, async exchange => {
      await exchange.folded(300n, AbortSignal.timeout(WAIT_MS))
      await exchange.crash('cash-writer')
      await exchange.folded(600n, AbortSignal.timeout(WAIT_MS))
      await exchange.restart('cash-writer')
      await exchange.caughtUp(AbortSignal.timeout(WAIT_MS))
      await custodianOf(exchange).caughtUp(AbortSignal.timeout(WAIT_MS))
      custodianOf(exchange).settleAll()
      await expectSquare(exchange, await readBooks(stores.postgresUrl))
    })
  })

  it('commits in the books the faults that happen there: a deposit credited twice, and the refund of a withdrawal that fails', async () => {
    const stores = await freshStores()
    await during({ stores, rate: 400, events: 1_600n, spec: { ...spec, failingWithdrawalsOneIn: 0 } }, async exchange => {
      const custodian = custodianOf(exchange)
      const twice = await custodian.strike('deposit-credited-twice')
      const refunded = await custodian.strike('failed-withdrawal-with-refund')
      await exchange.caughtUp(AbortSignal.timeout(WAIT_MS))
      await custodian.caughtUp(AbortSignal.timeout(WAIT_MS))
      custodian.settleAll()
      const transfers = await readBooks(stores.postgresUrl)
      const same = transfers.filter(({ reference }) => reference === twice.movement?.reference)
      expect(same).toHaveLength(2)
      expect(same[1]).toMatchObject({ transferId: `C${twice.cashSequence}`, amount: parseMoney(twice.movement?.amount ?? '') })
      const [refund, ...others] = transfers.filter(isRefund)
      const withdrawal = transfers.find(({ reference }) => reference === refunded.movement?.reference)
      expect(others).toEqual([])
      expect(refund).toMatchObject({
        reference: `refund:${withdrawal?.transferId}`,
        transferId: `C${refunded.cashSequence}`,
        amount: withdrawal?.amount,
      })
      const residual = parseMoney(twice.movement?.residual ?? '0')
      await expectSquare(exchange, transfers, { [twice.movement?.asset ?? '']: residual })
    })
  })

  it('plants a fault in what the books have already credited, and takes it back', async () => {
    const stores = await freshStores()
    await during({ stores, rate: 1_000, events: 600n }, async exchange => {
      const custodian = custodianOf(exchange)
      await exchange.caughtUp(AbortSignal.timeout(WAIT_MS))
      await custodian.caughtUp(AbortSignal.timeout(WAIT_MS))
      custodian.settleAll()
      const transfers = await readBooks(stores.postgresUrl)
      for (const name of ['missing-deposit-at-custodian', 'custodian-amount-off-by-smallest-unit', 'withdrawal-sent-twice'] as const) {
        const { movement, heal } = await custodian.strike(name)
        expect(transfers.map(({ reference }) => reference)).toContain(movement?.reference)
        await expectSquare(exchange, transfers, { [movement?.asset ?? '']: parseMoney(movement?.residual ?? '0') })
        heal?.()
        await expectSquare(exchange, transfers)
      }
    })
  })
})

function custodianOf({ custodian }: Exchange) {
  if (custodian === undefined) throw new Error('the exchange has no custodian')
  return custodian
}

function isRefund({ reference }: BookedTransfer): boolean {
  return reference.startsWith('refund:')
}

function isPlainDeposit(transfer: BookedTransfer): boolean {
  return transfer.direction === 'deposit' && !isRefund(transfer)
}

/** With nothing on its way: what the custodian holds is what is booked, less fees, plus what failed and is still to be given back, plus what a fault puts amiss. */
async function expectSquare(
  exchange: Exchange,
  transfers: readonly BookedTransfer[],
  residual: Readonly<Record<string, bigint>> = {},
): Promise<void> {
  const custodian = custodianOf(exchange)
  expect(transfers.length).toBeGreaterThan(0)
  expect(custodian.status().pending).toBe(0)
  const moved = custodian.movements().filter(({ life }) => life.at(-1)?.status === 'SUCCESS')
  const carriedOut = new Set(moved.flatMap(({ id, description }) => [id, description]))
  const givenBack = new Set(transfers.map(({ reference }) => reference))
  for (const asset of ['USD', 'USDC']) {
    const fees = moved.filter(({ feeAsset }) => feeAsset === asset).reduce((sum, { fee }) => sum + fee, 0n)
    const due = transfers
      .filter(each => each.asset === asset && each.direction === 'withdrawal' && !carriedOut.has(each.reference))
      .filter(({ transferId }) => !givenBack.has(`refund:${transferId}`))
      .reduce((sum, { amount }) => sum + amount, 0n)
    expect(custodian.total(asset)).toBe(moneyText(bookedSum(transfers, asset) - fees + due + (residual[asset] ?? 0n)))
  }
}
