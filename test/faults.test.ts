import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Run } from '../checks/run.ts'
import { type Fault, faultCatalogue } from '../sim/faults/catalogue.ts'
import type { FaultExpectation } from '../sim/faults/expectation.ts'
import { repairFault } from '../sim/faults/repair.ts'
import { openState } from '../stores/state/state.ts'
import { type Books, openBooks } from './support/books.ts'
import { describeEngines, startTestEngines, type TestEngines } from './support/engines.ts'
import { duringStruck, runSound, runStruck } from './support/struck-exchange.ts'

const EVENTS = 1_200n
const cases = faultCatalogue.map((fault: Fault) => {
  const expected: FaultExpectation = fault.expect['transactions-balance']
  return { name: fault.name, verdict: expected.verdict, reasonCode: expected.reasonCode, fault, expected }
})
const never = new AbortController().signal

describe('the catalogue of faults', () => {
  it.each(cases)('$name: the check is balanced exactly where there is nothing to see, or nothing any more', ({ fault, expected }) => {
    expect(fault.visible).toBe(expected.verdict !== 'balanced' || expected.heals === true)
  })
})

describeEngines('transactions-balance and a fault', () => {
  let engines: TestEngines
  beforeAll(async () => {
    engines = await startTestEngines()
  })
  const opened: Books[] = []
  afterAll(() => Promise.all(opened.map(books => books.close())))
  const openFresh = async (name: string) => {
    const books = await openBooks(await engines.createStores(`fault ${name}`))
    opened.push(books)
    return books
  }

  // Every fault of the catalogue comes by here, so one that is added is tested, or fails for want of its expectation.
  it.concurrent.each(cases)('$name: $verdict, $reasonCode', async ({ fault, expected }) => {
    const books = await openFresh(fault.name)
    if (expected.heals === true) return checkWhileItHeals(books, fault, expected)

    const seenBefore = expected.needsState === true ? await seenInState(books) : undefined
    // At once where something was seen before, so that a token that goes back goes back behind that.
    const planted = await runStruck(books.stores, EVENTS, { name: fault.name, ...(seenBefore ? { event: EVENTS + 1n } : {}) })
    const run = await books.check()

    expect(outcomeOf(run)).toEqual({ verdict: expected.verdict, reasonCode: expected.reasonCodeWithoutState ?? expected.reasonCode })
    expect(differencesOf(run)).toEqual(expected.verdict === 'diff' ? planted.keys : [])
    expect(planted.keys.length > 0).toBe(expected.verdict === 'diff')
    expect(run.mismatchCount).toBe(BigInt(run.mismatches.length).toString())
    expect(duplicatesOf(run)).toBe(fault.name === 'replayed-identical-row' ? 1n : 0n)
    if (run.verdict === 'diff') expect(run.mismatches.map(({ kind }) => kind)).toEqual(planted.keys.map(() => kindOf(fault)))
    if (seenBefore !== undefined) {
      expect(outcomeOf(await books.check({ seenBefore }))).toEqual({ verdict: expected.verdict, reasonCode: expected.reasonCode })
    }

    expect(await repairFault(books.stores, planted)).toBe(fault.repairable)
    expect(outcomeOf(await books.check())).toEqual(fault.repairable ? { verdict: 'balanced', reasonCode: 'balanced' } : outcomeOf(run))
  })

  /** Past a deadline that is too short the same row is missing; a run that waits for it is balanced. */
  const checkWhileItHeals = async (books: Books, fault: Fault, expected: FaultExpectation) => {
    const [impatient, patient] = await duringStruck(books.stores, EVENTS, { name: fault.name, event: 50n }, async () => [
      await books.check({ horizonTimeoutMs: 300 }),
      await books.check({ horizonTimeoutMs: 40_000, timeoutMs: 60_000 }),
    ])
    expect(outcomeOf(impatient)).toEqual({ verdict: 'diff', reasonCode: 'rows-missing' })
    expect(outcomeOf(patient)).toEqual({ verdict: expected.verdict, reasonCode: expected.reasonCode })
    expect(patient.horizon.readings).toBeGreaterThan(1)
  }

  /** Lets the exchange run on for a while first, records a run of it in recon's own database, and gives how high that database says the epochs were. */
  const seenInState = async (books: Books) => {
    await runSound(books.stores, EVENTS)
    const options = { connectTimeoutMs: 5_000, statementTimeoutMs: 5_000, migrateTimeoutMs: 20_000, signal: never }
    const state = await openState(books.stores.reconUrl, options)
    try {
      const run = await books.check()
      expect(outcomeOf(run)).toEqual({ verdict: 'balanced', reasonCode: 'balanced' })
      await state.recordRun(run, undefined, never)
      return (await state.highestEpochs(never)).epoch
    } finally {
      await state.close()
    }
  }
})

function outcomeOf({ verdict, reasonCode }: Run): Pick<Run, 'verdict' | 'reasonCode'> {
  return { verdict, reasonCode }
}

function differencesOf(run: Run) {
  return run.mismatches.map(({ key, difference }) => ({ ...key, difference: difference['balance'] }))
}

function duplicatesOf(run: Run): bigint {
  return run.horizon.legs.reduce((sum, { duplicates }) => sum + BigInt(duplicates ?? '0'), 0n)
}

function kindOf({ name }: Fault): Run['mismatches'][number]['kind'] {
  if (name === 'missing-account') return 'missing-left'
  return name === 'phantom-account' ? 'missing-right' : 'value'
}
