import { randomUUID } from 'node:crypto'
import fc from 'fast-check'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type Books, openBooks, type TransactionRow } from './support/books.ts'
import { describeEngines, startTestEngines } from './support/engines.ts'

/** An amount as a count of 10^-18, so that the oracle needs no decimals. */
const amount = fc.bigInt({ min: -(10n ** 37n), max: 10n ** 37n })
const account = fc.oneof(
  fc.constantFrom('A', 'B', "O'Brien", 'tab\t', 'line\nfeed', 'back\\slash', '\\N', 'ÄÖ', '🏦', ''),
  fc.string({ unit: 'binary', maxLength: 6 }),
)
const name = account.map(text => text.replaceAll('\0', ' '))

const fact = fc.record({
  stream: fc.constantFrom('dropcopy', 'cash'),
  sequence: fc.integer({ min: 1, max: 20 }),
  account_id: name,
  asset: fc.constantFrom('USD', 'BTC'),
  amount,
  copies: fc.constantFrom(1, 1, 1, 2, 3),
})

const books = fc.record({
  facts: fc.array(fact, { maxLength: 40 }),
  epoch: fc.record({ dropcopy: fc.integer({ min: 0, max: 20 }), cash: fc.integer({ min: 0, max: 20 }) }),
  errors: fc.array(fc.record({ account_id: name, asset: fc.constantFrom('USD', 'BTC'), by: amount.filter(by => by !== 0n) }), {
    maxLength: 3,
  }),
})

// Any data set in the reference schema must check correctly: random books, with planted errors, against sums that share no code with the check.
describeEngines('transactions-balance against an independent oracle', () => {
  let stores: Books

  beforeAll(async () => {
    const engines = await startTestEngines()
    stores = await openBooks(await engines.createStores('oracle'))
  })
  afterAll(() => stores.close())

  it('[P-NO-MISSED-DIFF] finds exactly the planted differences in random books', async () => {
    await fc.assert(
      fc.asyncProperty(books, async ({ facts, epoch, errors }) => {
        await stores.pg.query('truncate accounts.balances, accounts.transfers, trade_engine.resume_tokens')
        for (const table of ['transactions', 'sink_watermarks']) await stores.command(`truncate table ${table}`)
        const expected = new Map<string, bigint>()
        const key = (row: { account_id: string; asset: string }) => JSON.stringify([row.account_id, row.asset])
        const balances = new Map<string, bigint>()
        const rows: TransactionRow[] = []
        facts.forEach((row, at) => {
          if (row.sequence <= epoch[row.stream === 'cash' ? 'cash' : 'dropcopy'])
            balances.set(key(row), (balances.get(key(row)) ?? 0n) + row.amount)
          const written = {
            ...row,
            sequence: String(row.sequence),
            transaction_id: `t${at}`,
            amount: decimalText(row.amount),
            copies: undefined,
          }
          for (let copy = 0; copy < row.copies; copy++) rows.push(written)
        })
        for (const error of errors) {
          balances.set(key(error), (balances.get(key(error)) ?? 0n) + error.by)
          expected.set(key(error), (expected.get(key(error)) ?? 0n) + error.by)
        }
        const held = [...balances].filter(([, balance]) => within(balance))
        fc.pre(held.length === balances.size)

        await stores.token(String(epoch.dropcopy))
        if (epoch.cash > 0) {
          await stores.pg.query(`insert into accounts.transfers values ($1, $2, 'x', 'USD', 'deposit', 1, 'x', now())`, [
            randomUUID(),
            epoch.cash,
          ])
        }
        for (const [text, balance] of balances) {
          const [account_id, asset]: [string, string] = JSON.parse(text)
          await stores.balance(account_id, asset, decimalText(balance), String(epoch.dropcopy), String(epoch.cash))
        }
        // The copies of a fact come in an insert of their own each, as a replay would bring them.
        if (rows.length > 0) await stores.transactions(rows)
        for (const stream of ['dropcopy', 'cash']) {
          await stores.watermark(stream, '20', String(facts.filter(row => row.stream === stream).length))
        }

        const run = await stores.check()
        const found = run.mismatches.map(({ key: { account_id, asset }, difference }) => [
          JSON.stringify([account_id, asset]),
          difference['balance'],
        ])
        const planted = [...expected].filter(([, by]) => by !== 0n).map(([text, by]) => [text, decimalText(by)])
        expect(run.reasonCode).toBe(planted.length > 0 ? 'value-mismatch' : 'balanced')
        expect(found.sort()).toEqual(planted.sort())
      }),
      { numRuns: Number(process.env['FC_RUNS'] ?? 40), ...replay() },
    )
  })
})

function replay() {
  const { FC_SEED: seed, FC_PATH: path } = process.env
  return { ...(seed === undefined ? {} : { seed: Number(seed) }), ...(path === undefined ? {} : { path }) }
}

/** Whether a count of 10^-18 fits numeric(38, 18). */
function within(count: bigint): boolean {
  return count > -(10n ** 38n) && count < 10n ** 38n
}

/** Writes a count of 10^-18 as decimal text, by text alone. */
function decimalText(count: bigint): string {
  const digits = String(count).replace('-', '').padStart(19, '0')
  const text = `${digits.slice(0, -18)}.${digits.slice(-18)}`.replace(/\.?0+$/, '')
  return count < 0n ? `-${text}` : text
}
