import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { advanceCheckpoints } from '../checks/advance.ts'
import type { CheckSources } from '../checks/check-sources.ts'
import { positionRealizedPnlsBalance } from '../checks/position-realized-pnls-balance.ts'
import { positionsMatch } from '../checks/positions-match.ts'
import type { Relation } from '../checks/relation.ts'
import type { Run } from '../checks/run.ts'
import { relationCheck } from '../checks/run-relation.ts'
import { transactionsBalance } from '../checks/transactions-balance.ts'
import { checkpointsBy } from '../stores/clickhouse/checkpoints.ts'
import { type ClickHouseConnection, connectClickHouse } from '../stores/clickhouse/connection.ts'
import { openState, type State } from '../stores/state/state.ts'
import { systemClock } from '../stores/system-clock.ts'
import { type Books, openBooks } from './support/books.ts'
import { describeEngines, startTestEngines, type TestEngines } from './support/engines.ts'
import { runSound } from './support/struck-exchange.ts'

const never = new AbortController().signal
const context = { clock: systemClock, signal: never }
const policy = { segmentSequences: 64n, rowsMin: 0n, keep: 3 }
const makers: readonly ((sources: CheckSources) => Relation)[] = [transactionsBalance, positionRealizedPnlsBalance, positionsMatch]

describeEngines('checkpoints', () => {
  let engines: TestEngines
  const closing: (() => Promise<unknown>)[] = []
  beforeAll(async () => {
    engines = await startTestEngines()
  })
  afterAll(async () => {
    for (const close of closing.reverse()) await close()
  })

  const open = async (name: string, layout: 'clickhouse' | 'postgres') => {
    const stores = await engines.createStores(`checkpoints ${name}`)
    const books = await openBooks(stores)
    const options = { connectTimeoutMs: 5_000, statementTimeoutMs: 20_000, migrateTimeoutMs: 20_000, signal: never }
    const state = await openState(stores.reconUrl, options)
    const workshop = layout === 'clickhouse' ? await openWorkshop(books) : undefined
    closing.push(
      () => books.close(),
      () => state.close(),
      async () => workshop?.drop(),
    )
    return new Bench(books, state, workshop)
  }

  const openWorkshop = async (books: Books) => {
    const url = new URL(books.stores.clickhouseUrl)
    const database = `${decodeURIComponent(url.pathname.slice(1))}_recon`
    await books.command(`create database \`${database}\``)
    url.pathname = `/${encodeURIComponent(database)}`
    const connection = connectClickHouse({ name: 'clickhouse-state', url: url.href, connectTimeoutMs: 5_000, statementTimeoutMs: 20_000 })
    const drop = async () => {
      await connection.execute(`drop database \`${database}\``, {}, context)
      await connection.close()
    }
    return { ...connection, drop }
  }

  for (const layout of ['clickhouse', 'postgres'] as const) {
    it(`[P-CHECKPOINT] in ${layout}: every check goes on from what it verified, reads only what came since, and says what a full run says`, async () => {
      const bench = await open(`go on ${layout}`, layout)
      await runSound(bench.books.stores, 600n)
      for (const make of makers) {
        expect(await bench.run(make)).toMatchObject({ verdict: 'balanced' })
        expect(verifiedOf(await bench.run(make))).toEqual([])
        expect(await bench.advance(make)).toEqual(expect.arrayContaining([expect.stringMatching(/^checkpoint \d+ below/)]))
      }
      for (let round = 0; round < 2; round++) {
        await runSound(bench.books.stores, 300n)
        for (const make of makers) {
          const [carried, full] = [await bench.run(make), await bench.books.run(make(bench.books.sources()))]
          expect(outcome(carried)).toEqual(outcome(full))
          expect(carried.verdict).toBe('balanced')
          expect(verifiedOf(carried).length).toBe(carried.horizon.legs.length)
          expect(carried.horizon.legs.map(({ facts, addresses, rows }) => ({ facts, addresses, rows }))).toEqual(
            full.horizon.legs.map(({ facts, addresses, rows }) => ({ facts, addresses, rows })),
          )
          await bench.advance(make)
        }
      }
    })
  }

  class Bench {
    constructor(
      readonly books: Books,
      readonly state: State,
      readonly workshop: ClickHouseConnection | undefined,
    ) {}

    sources(): CheckSources {
      const couldNot = (error: Error) => {
        throw error
      }
      return this.books.sources({ checkpoints: checkpointsBy(this.state.checkpoints, policy, this.workshop, couldNot) })
    }

    run(make: (sources: CheckSources) => Relation): Promise<Run> {
      return this.books.run(make(this.sources()))
    }

    async advance(make: (sources: CheckSources) => Relation): Promise<readonly string[]> {
      const relation = make(this.sources())
      const run = await this.books.run(relation, { runId: randomUUID() })
      const { era } = await this.state.highestEpochs(never)
      return advanceCheckpoints(relationCheck(relation), run, { era, always: true }, context)
    }
  }
})

function verifiedOf(run: Run) {
  return run.horizon.legs.flatMap(({ verified }) => (verified ? [verified] : []))
}

function outcome({ verdict, reasonCode, epoch, keysCompared, mismatches }: Run) {
  return { verdict, reasonCode, epoch, keysCompared, mismatches }
}
