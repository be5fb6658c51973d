import { randomUUID } from 'node:crypto'
import fc from 'fast-check'
import pg from 'pg'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { advanceCheckpoints } from '../checks/advance.ts'
import { historyAudit } from '../checks/audit/history-audit.ts'
import type { CheckSources } from '../checks/check-sources.ts'
import { positionRealizedPnlsBalance } from '../checks/position-realized-pnls-balance.ts'
import { positionsMatch } from '../checks/positions-match.ts'
import type { Relation } from '../checks/relation.ts'
import type { Run } from '../checks/run.ts'
import { runCheck } from '../checks/run-check.ts'
import { relationCheck } from '../checks/run-relation.ts'
import { transactionsBalance } from '../checks/transactions-balance.ts'
import type { CheckpointLedger } from '../stores/checkpoints/ledger.ts'
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
const smallPolicy = { ...policy, segmentSequences: 5n }
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
    const workshop = layout === 'clickhouse' ? openWorkshop(books) : undefined
    closing.push(
      () => books.close(),
      () => state.close(),
      async () => workshop?.close(),
    )
    return new Bench(books, state, workshop, await state.checkpoints.identity(never))
  }

  const openWorkshop = (books: Books) =>
    connectClickHouse({
      name: 'clickhouse-state',
      url: books.stores.clickhouseStateUrl,
      connectTimeoutMs: 5_000,
      statementTimeoutMs: 20_000,
    })

  for (const layout of ['clickhouse', 'postgres'] as const) {
    it.concurrent(`[P-CHECKPOINT] in ${layout}: every check goes on from what it verified, reads only what came since, and says what a full run says`, async () => {
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

  it.each(['clickhouse', 'postgres'] as const)(
    '[P-CHECKPOINT] in %s: checkpoint and increment are the full scan, for random histories and any split',
    async layout => {
      const bench = await open(`split ${layout}`, layout)
      const name = fc.constantFrom('a', 'ab', 'a\tb', "o'k", 'é\\', '')
      const fact = fc.record({
        account_id: name,
        asset: fc.constantFrom('USD', 'BTC'),
        amount: fc
          .bigInt(-(10n ** 30n), 10n ** 30n)
          .map(amount =>
            `${amount / 10n ** 12n}.${(amount < 0n ? -amount : amount) % 10n ** 12n}`.replace(
              /\.(\d+)$/,
              (_, digits) => `.${String(digits).padStart(12, '0')}`,
            ),
          ),
        gap: fc.integer({ min: 0, max: 9 }),
        repeats: fc.constantFrom(1, 1, 1, 2),
      })
      let example = 0
      await fc.assert(
        fc.asyncProperty(fc.array(fact, { minLength: 1, maxLength: 30 }), fc.nat(30), async (facts, split) => {
          const { books, state } = bench
          example++
          await state.checkpoints.forget(undefined, never)
          for (const table of ['transactions', 'sink_watermarks']) await books.command(`truncate table ${table}`)
          await books.pg.query('truncate accounts.balances, trade_engine.resume_tokens')
          let sequence = 0n
          let written = 0
          const write = async (some: typeof facts) => {
            const rows = some.flatMap(({ gap, repeats, ...row }) => {
              sequence += BigInt(gap)
              written++
              return Array.from({ length: repeats }, () => ({
                ...row,
                sequence: sequence.toString(),
                transaction_id: `${example}-${written}`,
              }))
            })
            if (rows.length > 0) await books.transactions(rows)
            await books.watermark('dropcopy', sequence.toString(), String(written))
            await books.token(sequence.toString())
          }
          const agree = async () => {
            const [carried, full] = [await bench.run(transactionsBalance), await books.run(transactionsBalance(books.sources()))]
            expect(outcome(carried)).toEqual(outcome(full))
            return carried
          }
          await write(facts.slice(0, split))
          await bench.advance(transactionsBalance, { pretendBalanced: true })
          await agree()
          await write(facts.slice(split))
          await agree()
          await bench.advance(transactionsBalance, { pretendBalanced: true })
          const last = await agree()
          if (sequence + 1n >= smallPolicy.segmentSequences) expect(verifiedOf(last)).toHaveLength(1)
        }),
        { numRuns: 6 },
      )
    },
  )

  it.concurrent.each([
    {
      rewrite: 'late-row',
      sql: `insert into transactions select stream, sequence, 'late', account_id, asset, symbol, kind, 0, occurred_at from transactions where stream = 'dropcopy' and sequence = 100 limit 1`,
    },
    {
      rewrite: 'altered-row',
      sql: `alter table transactions update amount = amount + toDecimal128('0.000000000000000001', 18) where stream = 'dropcopy' and sequence = 100 and transaction_id = (select min(transaction_id) from transactions where stream = 'dropcopy' and sequence = 100) settings mutations_sync = 2`,
    },
    {
      rewrite: 'deleted-row',
      sql: `alter table transactions delete where stream = 'dropcopy' and sequence = 100 and transaction_id = (select min(transaction_id) from transactions where stream = 'dropcopy' and sequence = 100) settings mutations_sync = 2`,
    },
  ])(
    '[P-AUDIT] a $rewrite under a checkpoint is history-rewritten, named by segment and row; repeated deliveries are not',
    async ({ rewrite, sql }) => {
      const bench = await open(rewrite, 'clickhouse')
      await runSound(bench.books.stores, 400n)
      await bench.advance(transactionsBalance)
      await bench.books.command(
        `insert into transactions select * from transactions where stream = 'dropcopy' and sequence between 50 and 60`,
      )
      expect(await bench.audit()).toMatchObject({ verdict: 'balanced', reasonCode: 'balanced', mismatchCount: '0' })

      await bench.books.command(sql)
      expect(verifiedOf(await bench.run(transactionsBalance))).toHaveLength(1)
      const found = await bench.audit()
      expect(found).toMatchObject({ verdict: 'diff', reasonCode: 'history-rewritten', mismatchCount: '1' })
      expect(found.mismatches[0]?.key).toEqual({ table: 'transactions', stream: 'dropcopy', segment: '1' })
      expect(found.findings).toMatchObject([{ kind: rewrite, key: { stream: 'dropcopy', sequence: '100' } }])
      if (rewrite === 'late-row') expect(found.findings[0]?.detail['rows']).toBe('late')

      // What was rewritten is read again by the next run, which judges it as it stands.
      const next = await bench.run(transactionsBalance)
      expect(verifiedOf(next)).toEqual([])
      expect(next.verdict).toBe('diff')
    },
  )

  it.concurrent('a checkpoint is void when an epoch was accepted, when it is not what was written, and for another definition; and a budget looks at the oldest first', async () => {
    const bench = await open('void', 'clickhouse')
    await runSound(bench.books.stores, 400n)
    await bench.advance(transactionsBalance)
    expect(verifiedOf(await bench.run(transactionsBalance))).toHaveLength(1)
    expect(verifiedOf(await bench.run(sources => positionRealizedPnlsBalance(sources)))).toEqual([])

    const [{ database, table } = { database: '', table: '' }] = await bench.checkpointTables()
    await bench.workshop?.execute(
      `alter table \`${database}\`.\`${table}\` update v0 = v0 + 1 where k0 = (select min(k0) from \`${database}\`.\`${table}\`) settings mutations_sync = 2`,
      {},
      context,
    )
    const recovered = await bench.run(transactionsBalance)
    expect(recovered).toMatchObject({ verdict: 'balanced', horizon: { readings: 2 } })
    expect(verifiedOf(recovered)).toEqual([])

    await bench.advance(transactionsBalance)
    expect(verifiedOf(await bench.run(transactionsBalance))).toHaveLength(1)
    expect(await bench.audit(0)).toMatchObject({ verdict: 'inconclusive', reasonCode: 'statement-timeout' })
    await bench.state.acceptEpoch('a failover, for the test', never)
    expect(verifiedOf(await bench.run(transactionsBalance))).toEqual([])
    await bench.advance(transactionsBalance)
    expect(verifiedOf(await bench.run(transactionsBalance))).toHaveLength(1)
    expect(await bench.audit()).toMatchObject({ verdict: 'balanced' })
  })

  it.concurrent('[P-AUDIT] an address that is filed again above a checkpoint, in place of a lost fact, is found by the audit of everything', async () => {
    const bench = await open('refiled', 'clickhouse')
    await runSound(bench.books.stores, 400n)
    await bench.advance(transactionsBalance)
    const [{ last } = { last: '0' }] = (await bench.books.clickhouse.rows(
      `select toString(max(sequence)) as last from transactions where stream = 'dropcopy'`,
      {},
      context,
    )) as readonly { last: string }[]
    await bench.books.command(`insert into transactions select stream, ${last}, transaction_id, account_id, asset, symbol, kind, amount, occurred_at
      from transactions where stream = 'dropcopy' and sequence = 100 order by transaction_id limit 1`)
    expect(await bench.audit()).toMatchObject({
      verdict: 'diff',
      reasonCode: 'conflicting-duplicate',
      findings: [{ kind: 'refiled-address' }],
    })
  })

  it.concurrent('[P-CHECKPOINT] nothing is kept of a leg that the run did not prove complete, and forgetting is for all checks over the history', async () => {
    const bench = await open('forget', 'clickhouse')
    await runSound(bench.books.stores, 400n)
    const unread = transactionsBalance(bench.sources())
    const run = await bench.run(transactionsBalance)
    const { era } = await bench.state.highestEpochs(never)
    expect(await advanceCheckpoints(relationCheck(unread), run, { era, always: true }, context)).toEqual([
      'not proved complete up to the epoch',
    ])

    for (const make of makers) await bench.advance(make)
    const realized = relationCheck(positionRealizedPnlsBalance(bench.sources()))
    for (const leg of realized.histories ?? []) expect(await leg.forget?.(context)).toBeGreaterThan(0n)
    for (const make of makers) expect(verifiedOf(await bench.run(make))).toEqual([])
    expect(await bench.audit()).toMatchObject({ verdict: 'balanced', reason: expect.stringContaining('nothing lies under a checkpoint') })
  })

  it.concurrent('[P-CHECKPOINT] a maker whose history was voided meanwhile, or whose base was damaged, or whose rows came twice, keeps nothing wrong', async () => {
    for (const layout of ['clickhouse', 'postgres'] as const) {
      const bench = await open(`race ${layout}`, layout)
      await runSound(bench.books.stores, 300n)
      await bench.advance(transactionsBalance)
      await runSound(bench.books.stores, 200n)
      const voiding = bench.advance(transactionsBalance, { meanwhile: () => bench.state.checkpoints.forget(undefined, never) })
      await expect(voiding).rejects.toMatchObject({ code: 'superseded' })
      const first = await bench.run(transactionsBalance)
      expect(first.verdict).toBe('balanced')
      expect(verifiedOf(first)).toEqual([])
      // Everything delivered once more before the next one is made.
      await bench.advance(transactionsBalance, {
        meanwhile: () => bench.books.command('insert into transactions select * from transactions'),
      })
      const second = await bench.run(transactionsBalance)
      expect(second.verdict).toBe('balanced')
      expect(verifiedOf(second)).toHaveLength(1)
    }
  })

  it.concurrent('[P-AUDIT] with a budget, too, a late row is seen where nothing was', async () => {
    const bench = await open('budget', 'postgres')
    const { books } = bench
    const row = (sequence: string) => ({ sequence, transaction_id: `t${sequence}`, account_id: 'a', amount: '1' })
    await books.transactions(['1', '500'].map(row))
    await books.watermark('dropcopy', '600', '2')
    await books.token('600')
    await bench.advance(transactionsBalance, { pretendBalanced: true })
    expect(await bench.audit(20_000)).toMatchObject({ verdict: 'balanced', keysCompared: '2' })
    for (const sequence of ['200', '590']) {
      await books.transactions([row(sequence)])
      const found = await bench.audit(20_000)
      expect(found).toMatchObject({ verdict: 'diff', reasonCode: 'history-rewritten' })
      expect(found.findings).toContainEqual(
        expect.objectContaining({ kind: 'late-row', key: { table: 'transactions', stream: 'dropcopy', sequence } }),
      )
    }
  })

  it.concurrent('a run that began before the newest checkpoint was made goes on from an older one, and sees a difference as a full run does', async () => {
    const bench = await open('older', 'postgres')
    await runSound(bench.books.stores, 300n)
    await bench.advance(transactionsBalance)
    await runSound(bench.books.stores, 300n)
    await bench.advance(transactionsBalance)
    await bench.books.pg.query(
      `update accounts.balances set balance = balance + 1e-18 where account_id = (select min(account_id) from accounts.balances)`,
    )
    const [carried, full] = [await bench.run(transactionsBalance), await bench.books.run(transactionsBalance(bench.books.sources()))]
    expect(carried).toMatchObject({ verdict: 'diff', reasonCode: 'value-mismatch' })
    expect(outcome(carried)).toEqual(outcome(full))
    const { leg } = await bench.newest()
    const found = await bench.state.checkpoints.find(leg, { dropcopy: 320n, cash: 1_000n }, never)
    expect(found?.from['dropcopy']).toBeLessThanOrEqual(321n)
    expect(await bench.state.checkpoints.find(leg, { dropcopy: 3n, cash: 0n }, never)).toBeUndefined()
  })

  class Bench {
    readonly books: Books
    readonly state: State
    readonly workshop: ClickHouseConnection | undefined
    readonly ledger: string

    constructor(books: Books, state: State, workshop: ClickHouseConnection | undefined, ledger: string) {
      this.books = books
      this.state = state
      this.workshop = workshop
      this.ledger = ledger
    }

    /** `meanwhile` happens once, when a maker has its lease and its seals, and before it computes. */
    sources(by = policy, meanwhile?: () => Promise<unknown>): CheckSources {
      const couldNot = (error: Error) => {
        throw error
      }
      return this.books.sources({
        checkpoints: checkpointsBy(
          meanwhile ? interrupted(this.state.checkpoints, meanwhile) : this.state.checkpoints,
          by,
          this.workshop && { connection: this.workshop, ledger: this.ledger },
          couldNot,
        ),
      })
    }

    run(make: (sources: CheckSources) => Relation): Promise<Run> {
      return this.books.run(make(this.sources()))
    }

    audit(budgetMs?: number): Promise<Run> {
      const options = { runId: randomUUID(), ...context, timeoutMs: 20_000, captureTimeoutMs: 0, horizonTimeoutMs: 0, maxMismatches: 10 }
      return runCheck(historyAudit(this.books.sources(), this.state.checkpoints, { budgetMs }), options)
    }

    async checkpointTables(): Promise<readonly { database: string; table: string }[]> {
      const rows = await this.workshop?.rows(
        `select database, name from system.tables where database = currentDatabase() and name like 'checkpoints%'`,
        {},
        context,
      )
      return (rows ?? []).map(row => ({ database: String(row['database']), table: String(row['name']) }))
    }

    async newest(): Promise<{ leg: string }> {
      const client = new pg.Client({ connectionString: this.books.stores.reconUrl })
      await client.connect()
      const { rows } = await client.query<{ leg: string }>('select leg from recon.checkpoints order by id desc limit 1')
      await client.end()
      return { leg: rows[0]?.leg ?? '' }
    }

    /** `pretendBalanced`: books without balances differ in every key, and what is verified is the history all the same. */
    async advance(
      make: (sources: CheckSources) => Relation,
      { pretendBalanced = false, meanwhile }: { pretendBalanced?: boolean; meanwhile?: () => Promise<unknown> } = {},
    ): Promise<readonly string[]> {
      const relation = make(this.sources(pretendBalanced ? smallPolicy : policy, meanwhile))
      const ran = await this.books.run(relation, { runId: randomUUID() })
      const run: Run = pretendBalanced ? { ...ran, verdict: 'balanced' } : ran
      const { era } = await this.state.highestEpochs(never)
      return advanceCheckpoints(relationCheck(relation), run, { era, always: true }, context)
    }
  }
})

/** The ledger, in which something happens just before a maker is given the id of its checkpoint. */
function interrupted(ledger: CheckpointLedger, happen: () => Promise<unknown>): CheckpointLedger {
  return {
    ...ledger,
    lease: (history, signal, work) =>
      ledger.lease(history, signal, lease =>
        work({
          ...lease,
          newId: async () => {
            await happen()
            return lease.newId()
          },
        }),
      ),
  }
}

function verifiedOf(run: Run) {
  return run.horizon.legs.flatMap(({ verified }) => (verified ? [verified] : []))
}

function outcome({ verdict, reasonCode, epoch, keysCompared, mismatches }: Run) {
  return { verdict, reasonCode, epoch, keysCompared, mismatches }
}
