import { randomUUID } from 'node:crypto'
import pg from 'pg'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { CustodySource } from '../checks/omnibus/custody-source.ts'
import { omnibusBalancesSquare } from '../checks/omnibus-balances-square.ts'
import type { Run } from '../checks/run.ts'
import { type RunOptions, runCheck } from '../checks/run-check.ts'
import {
  type CustodianExpectation,
  type CustodianFaultName,
  type CustodianVerdict,
  custodianFaults,
} from '../sim/custodian/faults/catalogue.ts'
import type { StruckCustodian } from '../sim/custodian/faults/struck.ts'
import { type Exchange, startExchange } from '../sim/exchange/exchange.ts'
import { anchorageCustodian } from '../stores/custodian/anchorage.ts'
import type { Custodian } from '../stores/custodian/custodian.ts'
import { openState, type State } from '../stores/state/state.ts'
import { systemClock } from '../stores/system-clock.ts'
import { type Books, openBooks } from './support/books.ts'
import { describeEngines, startTestEngines } from './support/engines.ts'
import { until } from './support/until.ts'

const never = new AbortController().signal
const HOUR_MS = 3_600_000
/** A clock by which whatever is on its way has been so for too long. */
const tomorrow = { ...systemClock, wallMs: () => Date.now() + 24 * HOUR_MS }

let books: Books
let exchange: Exchange
let custodian: NonNullable<Exchange['custodian']>
let adapter: Custodian
let state: State

async function openTestState(url: string): Promise<State> {
  const name = `omnibus_${randomUUID().replaceAll('-', '')}`
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  await client.query(`create database ${name}`)
  await client.end()
  const database = new URL(url)
  database.pathname = `/${name}`
  return openState(database.href, { connectTimeoutMs: 5_000, statementTimeoutMs: 5_000, migrateTimeoutMs: 20_000, signal: never })
}

function check(change: Partial<RunOptions> = {}, custody: Partial<CustodySource> = {}): Promise<Run> {
  const source: CustodySource = {
    custodian: adapter,
    terms: { opening: {}, classification: {}, inFlightLimitMs: HOUR_MS },
    inconsistentLimitMs: HOUR_MS,
    ...custody,
  }
  return runCheck(omnibusBalancesSquare(books.sources(), source), {
    runId: randomUUID(),
    clock: systemClock,
    signal: never,
    timeoutMs: 30_000,
    captureTimeoutMs: 10_000,
    horizonTimeoutMs: 12_000,
    maxMismatches: 1_000,
    ...change,
  })
}

function expectVerdict(run: Run, { verdict, reasonCode }: CustodianVerdict): void {
  expect({ verdict: run.verdict, reasonCode: run.reasonCode, reason: run.reason }).toEqual({
    verdict,
    reasonCode,
    reason: expect.any(String),
  })
}

/** A fault says by itself what it did; the run must name it, and by how much. */
function expectNamed(run: Run, { movement }: StruckCustodian): void {
  if (!movement) return
  const { asset, residual, reference, id } = movement
  const differing = residual === '0' ? [] : [expect.objectContaining({ key: { asset }, difference: { custody: residual } })]
  expect(run.mismatches).toEqual(differing)
  if (run.verdict !== 'diff') return
  const named = run.findings.filter(({ key }) => [reference, id].some(name => key['reference'] === name || key['movement_id'] === name))
  expect(named.length, `no finding names ${reference}: ${JSON.stringify(run.findings)}`).toBeGreaterThan(0)
}

/** The faults that happen in the books too cannot be taken back, so they come last. */
const inOrder = [...custodianFaults].sort((a, b) => Number(a.needsBooks) - Number(b.needsBooks))
const lastDiff: CustodianFaultName = 'deposit-credited-twice'
const faults = [...inOrder.filter(({ name }) => name !== lastDiff), ...inOrder.filter(({ name }) => name === lastDiff)]

describeEngines('omnibus-balances-square on a live exchange whose custodian settles late', () => {
  beforeAll(async () => {
    const engines = await startTestEngines()
    const stores = await engines.createStores('omnibus_live')
    books = await openBooks(stores)
    state = await openTestState(engines.postgresUrl)
    exchange = await startExchange({
      stores,
      spec: { seed: 'omnibus', accounts: 40, eventsPerTransfer: 10 },
      rate: 150,
      sink: { lagMsMin: 0, lagMsMax: 300 },
      custodian: { settleMsMin: 100, settleMsMax: 1_000 },
    })
    if (!exchange.custodian) throw new Error('the exchange has no custodian')
    custodian = exchange.custodian
    const { url, apiKey, vaults } = custodian
    adapter = anchorageCustodian({ name: 'custodian', url, apiKey, vaults, requestTimeoutMs: 2_000 })
    await until('the custodian has carried out a few withdrawals', () => custodian.status().success > 60)
  }, 60_000)
  afterAll(async () => {
    await exchange?.stop()
    await Promise.all([adapter?.close(), state?.close()])
    await books?.close()
  })

  it('is balanced at every moment, and settles what is final on the way', async () => {
    const memory = state.settledHistory('live')
    const kinds = new Set<string>()
    for (let round = 0; round < 10; round++) {
      const run = await check({}, { memory })
      expectVerdict(run, { verdict: 'balanced', reasonCode: 'balanced' })
      for (const { kind } of run.explained ?? []) kinds.add(kind)
    }
    const head = await memory.head(never)

    expect(head.version).toBeGreaterThan(1n)
    expect(head.sequence).toBeGreaterThan(10n)
    expect([...kinds]).toEqual(expect.arrayContaining(['deposit-in-flight', 'withdrawal-in-flight', 'network-fee']))
    // What is settled and what is listed come to the same as everything listed.
    expectVerdict(await check(), { verdict: 'balanced', reasonCode: 'balanced' })
  }, 120_000)

  it.each(faults.map(fault => [fault.name, fault] as const))(
    'says of %s what it must, by name and amount',
    async (name, { expect: expected, healable }: { readonly expect: CustodianExpectation; readonly healable: boolean }) => {
      const memory = expected.after === 'custodian.inconsistentLimit' ? state.settledHistory(randomUUID()) : undefined
      const custody = memory ? { memory, inconsistentLimitMs: 1_000 } : {}
      const struck = await custodian.strike(name, { lagMs: 5_000 })
      try {
        const { cashSequence } = struck
        if (cashSequence !== undefined) await until('the fault is in the books', () => exchange.status().cash >= cashSequence)
        if (expected.impatient) expectVerdict(await check({ horizonTimeoutMs: 1_500 }), expected.impatient)
        const patience =
          expected.verdict === 'inconclusive' || expected.before?.verdict === 'inconclusive' ? { horizonTimeoutMs: 1_000 } : {}
        if (expected.before) expectVerdict(await check(patience, custody), expected.before)
        if (expected.after === 'custodian.inFlightLimit') {
          const run = await check({ clock: tomorrow })
          expectVerdict(run, expected)
          expectNamed(run, struck)
        } else if (memory) {
          let run = await check(patience, custody)
          for (let tries = 0; run.verdict === 'inconclusive' && tries < 10; tries++) run = await check(patience, custody)
          expectVerdict(run, expected)
          expect(run.findings).toContainEqual(expect.objectContaining({ kind: 'unknown-movement', key: { asset: struck.movement?.asset } }))
        } else {
          const run = await check(patience)
          expectVerdict(run, expected)
          if (run.verdict !== 'inconclusive') expectNamed(run, struck)
        }
      } finally {
        struck.heal?.()
      }
      if (healable) expectVerdict(await check(), { verdict: 'balanced', reasonCode: 'balanced' })
    },
    60_000,
  )
})
