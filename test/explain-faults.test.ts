import { afterAll, beforeAll, expect, it } from 'vitest'
import type { Explanation, FactEntry, RowEntry } from '../checks/explain/explanation.ts'
import { positionsMatch } from '../checks/positions-match.ts'
import { addDecimals, formatDecimal, parseDecimal, ZERO } from '../epoch/decimal.ts'
import { type FaultName, faultNamed } from '../sim/faults/catalogue.ts'
import type { PlantedFault } from '../sim/faults/planted-fault.ts'
import { repairFault } from '../sim/faults/repair.ts'
import { systemClock } from '../stores/system-clock.ts'
import { explainIn } from './explain/explain-books.ts'
import { type Books, openBooks } from './support/books.ts'
import { describeEngines, startTestEngines, type TestEngines } from './support/engines.ts'
import { runSound, runStruck } from './support/struck-exchange.ts'

const EVENTS = 1_200n
const ALL = 1_000

/** What must be said of a fault that struck facts: how they differ, over all keys, and whose fault it is. */
const STRUCK_FACTS = [
  ['lost-row', ['missing'], 'clickhouse', 'history-differs'],
  ['duplicate-row-different-amount', ['duplicated'], 'clickhouse', 'history-differs'],
  ['altered-amount-by-1e-18', ['altered'], 'clickhouse', 'history-differs'],
  ['sign-flipped', ['altered'], 'clickhouse', 'history-differs'],
  ['wrong-account', ['extra', 'missing'], 'clickhouse', 'history-differs'],
  ['wrong-asset', ['extra', 'missing'], 'clickhouse', 'history-differs'],
  ['rows-extra', ['duplicated'], 'clickhouse', 'history-differs'],
  ['lost-deposit-row', ['missing'], 'clickhouse', 'event-not-written'],
] as const satisfies readonly (readonly [FaultName, readonly FactEntry['kind'][], string, string])[]

/** What must be said of a fault that struck a state row, or what no log knows. */
const STRUCK_STATE = [
  ['stale-balance', 'not-applied', 'postgres', 'state-differs'],
  ['double-applied-batch', 'applied-twice', 'postgres', 'state-differs'],
  ['deposit-applied-twice', 'applied-twice', 'postgres', 'state-differs'],
  ['missing-account', undefined, 'postgres', 'state-differs'],
  ['phantom-account', undefined, 'postgres', 'state-differs'],
  ['watermark-ahead-of-rows', undefined, 'clickhouse', 'unlogged-rows-missing'],
] as const satisfies readonly (readonly [FaultName, 'not-applied' | 'applied-twice' | undefined, string, string])[]

describeEngines('explaining a planted fault', () => {
  let engines: TestEngines
  beforeAll(async () => {
    engines = await startTestEngines()
  })
  const opened: Books[] = []
  afterAll(() => Promise.all(opened.map(books => books.close())))
  const strike = async (name: FaultName): Promise<readonly [Books, PlantedFault]> => {
    const books = await openBooks(await engines.createStores(`explain ${name}`))
    opened.push(books)
    return [books, await runStruck(books.stores, EVENTS, { name })]
  }

  it.concurrent.each(STRUCK_FACTS)('%s: names exactly the planted facts, as %j, and blames %s', async (name, kinds, store, code) => {
    const [books, planted] = await strike(name)
    const run = await books.check()
    const explanation = await explainIn(books, run, { limit: ALL })

    expect(keysOf(explanation)).toEqual(planted.keys)
    const facts = explanation.keys.flatMap(key => key.facts)
    expect([...new Set(facts.map(nameOf))]).toEqual(planted.transactionIds)
    expect(facts.map(fact => fact.kind).sort()).toEqual(kinds)
    expectWholeDifference(explanation)
    for (const { likelyWrong, factsLeftOut } of explanation.keys)
      expect({ ...likelyWrong, factsLeftOut }).toMatchObject({ store, code, factsLeftOut: '0' })
    const [fact] = facts
    expect(explanation.parted).toEqual({
      first: { stream: fact?.stream, sequence: fact?.sequence, time: fact?.time },
      epoch: { [fact?.stream ?? '']: fact?.sequence },
    })
    if (name === 'wrong-account' || name === 'wrong-asset') {
      const [one, other] = planted.keys
      expect(facts.map(({ elsewhere }) => elsewhere)).toEqual([other, one].map(key => ({ account_id: key?.account_id, asset: key?.asset })))
    }

    expect(await repairFault(books.stores, planted)).toBe(true)
    await expectHealed(books, run, store)
    if (name === 'lost-row') await expectHealedLater(books, run, store)
  })

  it.concurrent.each(STRUCK_STATE)(
    '%s: no logged fact differs; suspected are facts %s, and %s is blamed',
    async (name, as, store, code) => {
      const [books, planted] = await strike(name)
      const run = await books.check()
      const explanation = await explainIn(books, run, { limit: ALL })

      expect(keysOf(explanation)).toEqual(planted.keys)
      for (const { facts, likelyWrong, suspects } of explanation.keys) {
        expect(facts).toEqual([])
        expect(likelyWrong).toMatchObject({ store, code })
        expect(suspects).toMatchObject({ runs: as === undefined ? [] : [{ as }], leftOut: '0' })
      }
      const suspected = explanation.keys.flatMap(key => key.suspects.runs.flatMap(({ rows }) => rows))
      const others = planted.transactionIds.filter(id => !suspected.some(row => nameOf(row) === id))
      if (as !== undefined) {
        expect(planted.transactionIds).toEqual(expect.arrayContaining(suspected.map(nameOf)))
        // What was planted and moved nothing is no part of what a row is wrong by.
        expect(await amountsOf(books, others)).toEqual(others.map(() => '0'))
      }

      expect(await repairFault(books.stores, planted)).toBe(true)
      await expectHealed(books, run, store)
      if (name === 'stale-balance') await expectHealedLater(books, run, store)
    },
  )

  it.concurrent.each([
    ['bust-dropped-by-engine', 'extra', 'postgres', 'event-not-folded'],
    ['bust-dropped-by-sink', 'missing', 'clickhouse', 'event-not-written'],
  ] as const)(
    '%s: names all that the bust did as %s, what was realized on top of it as altered, and blames %s',
    async (name, kind, store, code) => {
      const [books, planted] = await strike(name)
      const explanation = await explainIn(books, await books.check(), { limit: ALL })

      expect(keysOf(explanation)).toEqual(planted.keys)
      expectWholeDifference(explanation)
      const facts = explanation.keys.flatMap(key => key.facts)
      const ofTheBust = facts.filter(fact => BigInt(fact.sequence) <= planted.event + 1n)
      const after = facts.filter(fact => BigInt(fact.sequence) > planted.event + 1n)
      // Two sides, and of each what was realized, the fee, and the credit of the fee.
      expect(ofTheBust.map(fact => `${fact.kind} ${fact.sequence} ${fact.effect}`).sort()).toEqual(
        [planted.event, planted.event + 1n].flatMap(sequence =>
          ['fee', 'fee', 'realized_pnl'].map(effect => `${kind} ${sequence} ${effect}`),
        ),
      )
      expect(new Set(after.map(fact => `${fact.kind} ${fact.effect}`))).toEqual(new Set(after.length > 0 ? ['altered realized_pnl'] : []))
      for (const { likelyWrong } of explanation.keys) expect(likelyWrong).toMatchObject({ store, code })
      expect(explanation.parted?.epoch).toEqual({ dropcopy: planted.event.toString() })

      const positions = await explainIn(books, await books.run(positionsMatch(books.sources())), { limit: ALL })
      expect(positions.keys.length).toBeGreaterThan(0)
      for (const { likelyWrong, facts: executions } of positions.keys) {
        expect(executions[0]).toMatchObject({ kind, table: 'positions', effect: 'position' })
        expect(likelyWrong).toMatchObject({ store, code })
      }
      expect(positions.parted?.epoch).toEqual({ dropcopy: planted.event.toString() })
    },
  )

  it.concurrent('replayed-identical-row: repeated deliveries are counted and are no difference', async () => {
    const [books, planted] = await strike('replayed-identical-row')
    const key = (await rowsOf(books, planted.transactionIds))[0]
    expect(key).toBeDefined()
    await books.balance(key?.account_id ?? '', key?.asset ?? '', '0', '1200', '1')
    const { keys } = await explainIn(books, await books.check())
    expect(keys.map(({ facts, read }) => ({ facts, repeated: read.repeated }))).toEqual([{ facts: [], repeated: '1' }])
  })

  it.concurrent('a funding that PostgreSQL keeps no log of is blamed on ClickHouse where its rows do not sum to zero', async () => {
    const books = await openBooks(await engines.createStores('explain funding'))
    opened.push(books)
    await runSound(books.stores, EVENTS)
    await books.command(
      `alter table transactions update amount = amount + 1 where transaction_id = (select min(transaction_id) from transactions where kind = 'funding')
      settings mutations_sync = 2`,
    )
    const { keys } = await explainIn(books, await books.check())
    expect(keys).toMatchObject([
      {
        facts: [],
        unbalancedEvents: [{ stream: 'dropcopy', sum: '1' }],
        likelyWrong: { store: 'clickhouse', code: 'unlogged-event-unbalanced' },
      },
    ])
  })

  it.concurrent('lists no more facts and keys than are asked for, and counts the others', async () => {
    const [books] = await strike('bust-dropped-by-engine')
    const run = await books.check()
    const whole = await explainIn(books, run, { limit: ALL })
    const bounded = await explainIn(books, run, { limit: 1, keysMax: 1 })
    const first = whole.keys.slice(0, 1)
    expect(bounded.keys.map(key => key.facts)).toEqual(first.map(key => key.facts.slice(0, 1)))
    expect(bounded.keys.map(key => key.factsLeftOut)).toEqual(first.map(key => (key.facts.length - 1).toString()))
    expect(bounded.keys.map(key => [key.factCounts, key.parted, key.likelyWrong])).toEqual(
      first.map(key => [key.factCounts, key.parted, key.likelyWrong]),
    )
    expect(bounded.keysLeftOut).toBe((whole.keys.length - 1).toString())
  })

  /** Rows that have moved on since are compared where they stand now. */
  const expectHealedLater = async (books: Books, run: Parameters<typeof explainIn>[1], store: string) => {
    await runSound(books.stores, 400n)
    await expectHealed(books, run, store)
  }

  const expectHealed = async (books: Books, run: Parameters<typeof explainIn>[1], store: string) => {
    const { keys, summary } = await explainIn(books, run)
    expect(keys.map(({ outcome, facts, likelyWrong }) => ({ outcome, facts, code: likelyWrong.code }))).toEqual(
      run.mismatches.map(() => ({ outcome: 'healed', facts: [], code: 'healed' })),
    )
    // A row that has moved on since does not tell what it was like before.
    for (const { likelyWrong, stateChangedSince } of keys) if (!stateChangedSince) expect(likelyWrong.store).toBe(store)
    expect(summary).toContain(`healed since: ${keys.length}`)
  }
})

it('only faults that a check can see are explained here, and all that strike facts or rows are', () => {
  const explained = [...STRUCK_FACTS, ...STRUCK_STATE].map(([name]) => name)
  for (const name of explained) expect(faultNamed(name)).toMatchObject({ visible: true, repairable: true })
})

function keysOf({ keys }: Explanation) {
  return keys.map(({ key, recorded }) => ({ ...key, difference: recorded.difference['balance'] }))
}

/** The listed facts of each key come to all that it differs by. */
function expectWholeDifference({ keys }: Explanation) {
  for (const { facts, recorded } of keys) {
    const sum = facts.reduce((total, { difference }) => addDecimals(total, parseDecimal(difference['amount'] ?? '')), ZERO)
    expect(formatDecimal(sum)).toBe(recorded.difference['balance'])
  }
}

/** What the sink would call a fact, or has. */
function nameOf({ ids, effect, account_id, asset }: FactEntry | RowEntry): string {
  return ids['transaction_id'] ?? ids['transfer_id'] ?? `${ids['execution_id']}:${effect}:${account_id}:${asset}`
}

async function rowsOf({ clickhouse }: Books, ids: readonly string[]) {
  const rows = await clickhouse.rows(
    'select account_id, asset, toString(amount) as amount from transactions where transaction_id in {ids:Array(String)}',
    { ids },
    { signal: AbortSignal.timeout(10_000), clock: systemClock },
  )
  return rows.map(row => ({ account_id: String(row['account_id']), asset: String(row['asset']), amount: String(row['amount']) }))
}

async function amountsOf(books: Books, ids: readonly string[]): Promise<readonly string[]> {
  return ids.length === 0 ? [] : (await rowsOf(books, ids)).map(({ amount }) => amount)
}
