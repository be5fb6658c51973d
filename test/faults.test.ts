import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { BUILTIN_CHECK_NAMES } from '../checks/builtin.ts'
import type { Run } from '../checks/run.ts'
import type { RunOptions } from '../checks/run-check.ts'
import type { ExchangeCustodian } from '../sim/custodian/exchange-custodian.ts'
import { type Fault, faultCatalogue } from '../sim/faults/catalogue.ts'
import { type CheckName, type FaultExpectation, sees } from '../sim/faults/expectation.ts'
import type { ComparedCheck } from '../sim/faults/planted-difference.ts'
import type { PlantedFault } from '../sim/faults/planted-fault.ts'
import { repairFault } from '../sim/faults/repair.ts'
import { anchorageCustodian } from '../stores/custodian/anchorage.ts'
import { openState } from '../stores/state/state.ts'
import { positionDifferences, units } from './exchange/stored.ts'
import { type Books, openBooks } from './support/books.ts'
import { describeEngines, startTestEngines, type TestEngines } from './support/engines.ts'
import { duringStruck, withSound, withStruck } from './support/struck-exchange.ts'

const EVENTS = 1_200n
/** The checks of which the simulator records which keys differ; of marks it records which are wrong. */
const COMPARED = ['transactions-balance', 'position-realized-pnls-balance', 'positions-match'] as const satisfies readonly ComparedCheck[]
/** What the books' runs list of what they find. */
const LISTED_MAX = 100
const faults: readonly Fault[] = faultCatalogue
const never = new AbortController().signal
const balanced = { verdict: 'balanced', reasonCode: 'balanced' } as const

describe('the catalogue of faults', () => {
  it.each(faults)('$name: it is visible exactly where a check sees it', ({ visible, expect: said }) => {
    expect(visible).toBe(Object.values(said).some(sees))
  })
})

describeEngines('every check and a fault', () => {
  vi.setConfig({ testTimeout: 180_000 })
  let engines: TestEngines
  beforeAll(async () => {
    engines = await startTestEngines()
  })
  const opened: Books[] = []
  afterAll(() => Promise.all(opened.map(books => books.close())))

  // Every fault of the catalogue comes by here, before every check that is built in: one that is added is tested, or fails for want of its expectation.
  it.concurrent.each(faults)('$name', async fault => {
    const books = await openBooks(await engines.createStores(`fault ${fault.name}`))
    opened.push(books)
    if (Object.values(fault.expect).some(({ heals }) => heals)) return checkWhileItHeals(books, fault)

    const seenBefore = Object.values(fault.expect).some(({ withoutState }) => withoutState) ? await seenInState(books) : undefined
    // At once where something was seen before, so that a token that goes back goes back behind that.
    const order = { name: fault.name, ...(seenBefore ? { event: EVENTS + 1n } : {}) }
    await withStruck(books.stores, EVENTS, order, async (planted, custodian) => {
      const runs = await checkAll(books, custodian)

      expect(said(runs)).toEqual(expected(fault, ({ withoutState, ...withState }) => withoutState ?? withState))
      for (const name of COMPARED)
        expect(differing(runs[name]), name).toEqual(runs[name].verdict === 'diff' ? planted.differences[name] : [])
      expectMarksToAgree(fault, planted, runs['pnl-is-zero-sum'])
      expectCustodyToAgree(fault, planted, runs['omnibus-balances-square'])
      expect(byCheck(name => runs[name].mismatchCount)).toEqual(byCheck(name => String(runs[name].mismatches.length)))
      expect(byCheck(name => duplicates(runs[name]))).toEqual(byCheck(name => String(replays(fault, runs[name]))))
      await expectRecordToAgree(fault, planted, books)
      if (seenBefore !== undefined) expect(said(await checkAll(books, custodian, { seenBefore }))).toEqual(expected(fault, asStated))

      expect(await repairFault(books.stores, planted)).toBe(fault.repairable)
      expect(said(await checkAll(books, custodian))).toEqual(fault.repairable ? byCheck(() => balanced) : said(runs))
    })
  })

  /** Past a deadline that is too short the same row is missing; a run that waits for it is balanced. */
  const checkWhileItHeals = async (books: Books, fault: Fault) => {
    const [impatient, patient] = await duringStruck(books.stores, EVENTS, { name: fault.name, event: 50n }, custodian =>
      // Both at once: on a busy machine the row might come while the patient runs still wait for their turn.
      Promise.all([
        checkAll(books, custodian, { horizonTimeoutMs: 300 }),
        checkAll(books, custodian, { horizonTimeoutMs: 40_000, timeoutMs: 60_000 }),
      ]),
    )
    const missing = { verdict: 'diff', reasonCode: 'rows-missing' } as const
    expect(said(impatient)).toEqual(expected(fault, ({ heals }) => (heals ? missing : balanced)))
    expect(said(patient)).toEqual(expected(fault, asStated))
    expect(byCheck(name => patient[name].horizon.readings > 1)).toEqual(byCheck(name => fault.expect[name].heals === true))
  }

  /** Lets the exchange run on for a while first, records a run of it in recon's own database, and gives how high that database says the epochs were. */
  const seenInState = async (books: Books) => {
    const options = { connectTimeoutMs: 5_000, statementTimeoutMs: 5_000, migrateTimeoutMs: 20_000, signal: never }
    const state = await openState(books.stores.reconUrl, options)
    try {
      const runs = await withSound(books.stores, EVENTS, custodian => checkAll(books, custodian))
      expect(said(runs)).toEqual(byCheck(() => balanced))
      await state.recordRun(runs['transactions-balance'], undefined, never)
      return (await state.highestEpochs(never)).epoch
    } finally {
      await state.close()
    }
  }
})

type ByCheck<T> = Readonly<Record<CheckName, T>>

function byCheck<T>(of: (name: CheckName) => T): ByCheck<T> {
  const [a, b, c] = COMPARED
  const [d, e] = ['omnibus-balances-square', 'pnl-is-zero-sum'] as const
  return { [a]: of(a), [b]: of(b), [c]: of(c), [d]: of(d), [e]: of(e) }
}

async function checkAll(books: Books, custodian: ExchangeCustodian, options: Partial<RunOptions> = {}): Promise<ByCheck<Run>> {
  const [builtin, omnibus] = await Promise.all([
    Promise.all(BUILTIN_CHECK_NAMES.map(async name => [name, await books.checkNamed(name, options)] as const)),
    checkOmnibus(books, custodian, options),
  ])
  const runs = new Map<string, Run>([...builtin, ['omnibus-balances-square', omnibus]])
  return byCheck(name => {
    const run = runs.get(name)
    if (run === undefined) throw new Error(`${name} was not run`)
    return run
  })
}

async function checkOmnibus(books: Books, { url, apiKey, vaults }: ExchangeCustodian, options: Partial<RunOptions>): Promise<Run> {
  const adapter = anchorageCustodian({ name: 'custodian', url, apiKey, vaults, requestTimeoutMs: 10_000 })
  const terms = { opening: {}, classification: {}, inFlightLimitMs: 3_600_000 }
  try {
    // The third store has to answer within the same time, and lives in the process of the test.
    const horizonTimeoutMs = Math.max(options.horizonTimeoutMs ?? 8_000, 4_000)
    return await books.checkCustody({ custodian: adapter, terms, inconsistentLimitMs: 3_600_000 }, { ...options, horizonTimeoutMs })
  } finally {
    await adapter.close()
  }
}

function said(runs: ByCheck<Run>) {
  return byCheck(name => ({ verdict: runs[name].verdict, reasonCode: runs[name].reasonCode }))
}

function expected(fault: Fault, of: (expectation: FaultExpectation) => Pick<FaultExpectation, 'verdict' | 'reasonCode'>) {
  return byCheck(name => {
    const { verdict, reasonCode } = of(fault.expect[name])
    return { verdict, reasonCode }
  })
}

function asStated(expectation: FaultExpectation) {
  return expectation
}

function differing(run: Run) {
  return run.mismatches.map(({ kind, key, difference }) => ({ kind, key, difference }))
}

/**
 * A difference of values is one of keys; where a check is to see nothing, the simulator knows of nothing; and what it knows of positions is what plain joins over
 * the stores find, unless the engine stands still while the sink goes on.
 */
async function expectRecordToAgree(fault: Fault, { differences }: PlantedFault, { stores }: Books): Promise<void> {
  for (const name of COMPARED) {
    const [{ verdict, reasonCode }, keys] = [fault.expect[name], differences[name]]
    if (reasonCode === 'value-mismatch') expect(keys, name).not.toEqual([])
    if (verdict === 'balanced') expect(keys, name).toEqual([])
  }
  if (fault.expect['transactions-balance'].verdict === 'diff') expect(differences['transactions-balance']).not.toEqual([])
  if (fault.name === 'torn-batch' || fault.name === 'token-regressed') return
  const lines = (name: 'positions-match' | 'position-realized-pnls-balance') =>
    differences[name].map(({ key, difference }) => [...Object.values(key), ...Object.values(difference)].join('\t')).sort()
  expect(await positionDifferences(stores)).toEqual({
    'positions-match': lines('positions-match'),
    'position-realized-pnls-balance': lines('position-realized-pnls-balance'),
  })
}

/** Of marks the record says which are wrong or missing; what is wrong elsewhere shows in a mark that does not agree with it. */
function expectMarksToAgree(fault: Fault, { marks }: PlantedFault, { verdict, reasonCode, reason, findings }: Run): void {
  if (fault.suits === 'mark cycle' && verdict === 'diff') {
    const wrong = new Set(marks.map(({ account_id, symbol }) => JSON.stringify([account_id, symbol])))
    const found = new Set(findings.map(({ key }) => JSON.stringify([key['account_id'], key['symbol']])))
    expect([...found].filter(key => !wrong.has(key))).toEqual([])
    expect(found.size).toBe(Math.min(wrong.size, LISTED_MAX))
    expect(reason).toContain(`${wrong.size} ${wrong.size === 1 ? 'finding' : 'findings'} `)
  }
  if (reasonCode === 'value-mismatch') expect(findings).not.toEqual([])
  if (verdict === 'balanced') expect(findings).toEqual([])
}

/**
 * The custodian holds what the books say less what they have too much, so that each asset is off by the sum of what its balances are off, the other way round. That
 * sum does not show what is booked as another kind.
 */
function expectCustodyToAgree(fault: Fault, { differences }: PlantedFault, { reasonCode, mismatches }: Run): void {
  if (reasonCode !== 'value-mismatch' || fault.name === 'wrong-kind') return
  const sums = new Map<string, bigint>()
  for (const { key, difference } of differences['transactions-balance']) {
    const asset = key['asset'] ?? ''
    sums.set(asset, (sums.get(asset) ?? 0n) - units(difference['balance']))
  }
  const found = mismatches.map(({ key, difference }) => [key['asset'], units(difference['custody'])])
  expect(found).toEqual([...sums].filter(([, sum]) => sum !== 0n).sort())
}

/** How many deliveries are repeated in what a run has read. */
function duplicates(run: Run): string {
  return run.horizon.legs.reduce((sum, leg) => sum + BigInt(leg.duplicates ?? '0'), 0n).toString()
}

function replays({ name }: Fault, run: Run): number {
  const table = name === 'replayed-identical-row' ? 'transactions' : name === 'replayed-position-row' ? 'positions' : undefined
  return run.horizon.legs.filter(leg => leg.table === table).length
}
