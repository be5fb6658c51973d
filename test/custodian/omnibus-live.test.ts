import { beforeAll, expect, it, vi } from 'vitest'
import type { Run } from '../../checks/run.ts'
import { type CustodianExpectation, custodianFaults } from '../../sim/custodian/faults/catalogue.ts'
import type { StruckCustodian } from '../../sim/custodian/faults/struck.ts'
import { openState } from '../../stores/state/state.ts'
import { describeEngines, startTestEngines, type TestEngines } from '../support/engines.ts'
import { withWatchedExchange } from './watched-exchange.ts'

const never = new AbortController().signal
const spec = { seed: 'watched', accounts: 60, eventsPerTransfer: 4 }
const sink = { lagMsMin: 0, lagMsMax: 100, batchMs: 20 }
const balanced = { verdict: 'balanced', reasonCode: 'balanced' } as const
const HOUR_MS = 3_600_000

describeEngines('omnibus-balances-square over a running exchange', () => {
  vi.setConfig({ testTimeout: 120_000 })
  let engines: TestEngines
  beforeAll(async () => {
    engines = await startTestEngines()
  })

  it('is balanced at every moment, whatever is on its way, with fees, failures and refunds, settling what is final as it goes', async () => {
    // Some twenty transfers a second: of a custodian that settles more than it can be asked, no two answers agree.
    const soak = { spec: { ...spec, failingWithdrawalsOneIn: 3 }, sink, rate: 80, custodian: { settleMsMax: 1_500, feeOneIn: 2 } }
    await withWatchedExchange(engines, soak, async ({ check, reconUrl, custodian }) => {
      const state = await openState(reconUrl, {
        connectTimeoutMs: 5_000,
        statementTimeoutMs: 5_000,
        migrateTimeoutMs: 20_000,
        signal: never,
      })
      try {
        const kinds = new Set<string>()
        for (let runs = 0; runs < 30; runs++) {
          const memory = state.settledHistory('watched')
          const run = await check(runs % 3 === 0 ? {} : { memory })
          expect(told(run), run.reason).toEqual(balanced)
          for (const { kind } of run.explained ?? []) kinds.add(kind)
        }
        // On a busy machine also withdrawal-ahead-of-books: booked after E, and gone by the time the custodian is asked.
        expect([...kinds]).toEqual(expect.arrayContaining(['deposit-in-flight', 'network-fee', 'refund-due', 'withdrawal-in-flight']))
        expect((await state.settledHistory('watched').head(never)).boundaries).toHaveLength(2)
        expect(custodian.status().failed).toBeGreaterThan(3)
      } finally {
        await state.close()
      }
    })
  })

  it('says of every fault of the custodian what the catalogue says, and of its repair that all is well', async () => {
    await withWatchedExchange(engines, { spec, sink, rate: 1_000, events: 1_000n, custodian: { feeOneIn: 0 } }, async watched => {
      const { custodian, check, settled, reconUrl } = watched
      await settled()
      expect(told(await check())).toEqual(balanced)
      const state = await openState(reconUrl, {
        connectTimeoutMs: 5_000,
        statementTimeoutMs: 5_000,
        migrateTimeoutMs: 20_000,
        signal: never,
      })
      try {
        for (const { name, expect: stated, healable } of custodianFaults) {
          if (!healable) continue
          const expected: CustodianExpectation = stated
          const struck = await custodian.strike(name, { lagMs: 6_000, requests: 2 })
          if (expected.before !== undefined) {
            const memory = state.settledHistory(name)
            const young = await check({ memory }, { horizonTimeoutMs: 500 })
            expect([name, told(young)]).toEqual([name, expected.before])
            const old = await check({ memory, inFlightLimitMs: 1, inconsistentLimitMs: 1 }, { horizonTimeoutMs: 500 })
            expect([name, told(old)]).toEqual([name, verdictOf(expected)])
          } else if (expected.heals === true) {
            const impatient = await check({}, { horizonTimeoutMs: 200, timeoutMs: 900 })
            expect([name, told(impatient)]).toEqual([name, expected.impatient])
            await custodian.strike(name, { lagMs: 2_000, requests: 2 })
            expect([name, told(await check())]).toEqual([name, balanced])
          } else {
            const run = await check({}, { timeoutMs: 5_000, horizonTimeoutMs: 2_000 })
            expect([name, told(run)]).toEqual([name, verdictOf(expected)])
            expectResidual(run, struck)
          }
          struck.heal?.()
          expect([name, told(await check())]).toEqual([name, balanced])
        }
      } finally {
        await state.close()
      }
    })
  })

  it('sees in the books a deposit credited twice, and nothing amiss in the refund of a withdrawal that failed', async () => {
    for (const name of ['deposit-credited-twice', 'failed-withdrawal-with-refund'] as const) {
      await withWatchedExchange(engines, { spec, sink, rate: 500, events: 1_500n, custodian: { feeOneIn: 0 } }, async watched => {
        const struck = await watched.custodian.strike(name)
        await watched.settled()
        const run = await watched.check({ inFlightLimitMs: HOUR_MS })
        expect([name, told(run)]).toEqual([name, verdictOf(statedOf(name))])
        expectResidual(run, struck)
        expect(watched.exchange.status().cash).toBeGreaterThanOrEqual(struck.cashSequence ?? 0n)
      })
    }
  })
})

function statedOf(name: string): CustodianExpectation {
  const found = custodianFaults.find(fault => fault.name === name)
  if (found === undefined) throw new Error(`no fault is called ${name}`)
  return found.expect
}

function told({ verdict, reasonCode }: Run) {
  return { verdict, reasonCode }
}

function verdictOf({ verdict, reasonCode }: CustodianExpectation) {
  return { verdict, reasonCode }
}

/** The assets that do not come out, and by how much: what the fault says, and nothing else. */
function expectResidual(run: Run, { movement }: StruckCustodian): void {
  const amiss = movement === undefined || movement.residual === '0' ? [] : [[movement.asset, movement.residual]]
  const found = run.mismatches.map(({ key, difference }) => [Object.values(key)[0], Object.values(difference ?? {})[0]])
  if (run.verdict !== 'inconclusive') expect(found).toEqual(amiss)
}
