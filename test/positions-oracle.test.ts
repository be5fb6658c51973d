import fc from 'fast-check'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { Run } from '../checks/run.ts'
import { parameters } from '../sim/testing/parameters.ts'
import { type Books, openBooks, type PositionRow, type TransactionRow } from './support/books.ts'
import { describeEngines, startTestEngines } from './support/engines.ts'

/** An amount as a count of 10^-18, so that the oracle needs no decimals. */
const amount = fc.oneof(fc.bigInt({ min: -(10n ** 37n), max: 10n ** 37n }), fc.constantFrom(0n, 1n, -1n))
const account = fc.oneof(
  fc.constantFrom('A', 'B', "O'Brien", 'tab\t', 'line\nfeed', 'back\\slash', '\\N', 'ÄÖ', '🏦', ''),
  fc.string({ unit: 'binary', maxLength: 6 }).map(text => text.replaceAll('\0', ' ')),
)
const symbol = fc.constantFrom('S', 'T')
const values = fc.tuple(amount, amount, amount)

const books = fc.record({
  // A sequence belongs to one execution, which moves one position.
  changes: fc.uniqueArray(
    fc.record({ account, symbol, sequence: fc.integer({ min: 1, max: 40 }), values, copies: fc.constantFrom(1, 1, 1, 2, 3) }),
    { maxLength: 30, selector: ({ sequence }) => sequence },
  ),
  // How often the sink inserts, and in which order.
  order: fc.array(fc.nat(), { minLength: 90, maxLength: 90 }),
  epoch: fc.integer({ min: 0, max: 40 }),
  state: fc.array(fc.record({ account, symbol, change: fc.option(values) }), { maxLength: 3 }),
  realized: fc.array(fc.record({ account, symbol, sequence: fc.integer({ min: 1, max: 40 }), by: amount.filter(by => by !== 0n) }), {
    maxLength: 3,
  }),
})

type Values = readonly [bigint, bigint, bigint]

// Any data set in the reference schema must check correctly: random books, with planted errors, against a fold that shares no code with the checks.
describeEngines('the position checks against an independent oracle', () => {
  let stores: Books

  beforeAll(async () => {
    const engines = await startTestEngines()
    stores = await openBooks(await engines.createStores('positions oracle'))
  })
  afterAll(() => stores.close())

  it('[P-NO-MISSED-DIFF] they find exactly the planted differences in random books', async () => {
    await fc.assert(
      fc.asyncProperty(books, async ({ changes, order, epoch, state, realized }) => {
        await stores.pg.query('truncate trade_engine.positions, trade_engine.resume_tokens')
        for (const table of ['transactions', 'positions', 'sink_watermarks']) await stores.command(`truncate table ${table}`)
        const key = (row: { account: string; symbol: string }) => JSON.stringify([row.account, row.symbol])
        const inOrder = [...changes].sort((a, b) => a.sequence - b.sequence).filter(({ sequence }) => sequence <= epoch)

        // What PostgreSQL holds: the last of each key, save for what an error has changed, made up or taken away.
        const last = new Map<string, Values>(inOrder.map(row => [key(row), row.values]))
        const held = new Map(last)
        for (const error of state) {
          if (error.change) held.set(key(error), error.change)
          else held.delete(key(error))
        }
        // What ClickHouse holds: every change, and for each the transaction of what it realized above the change before; and errors among these.
        const rows = changes.flatMap(row => Array.from({ length: row.copies }, () => positionRow(row)))
        const before = new Map<string, bigint>()
        const ordered = [...changes].sort((a, b) => a.sequence - b.sequence)
        const transactions = ordered.map((row): TransactionRow => {
          const by = row.values[2] - (before.get(key(row)) ?? 0n)
          before.set(key(row), row.values[2])
          return transactionRow(`t${row.sequence}`, row, by)
        })
        transactions.push(...realized.map((row, at) => transactionRow(`x${at}`, row, row.by)))

        await stores.token(String(epoch))
        for (const [text, [quantity, cost, pnl]] of held) {
          const [account, symbol]: [string, string] = JSON.parse(text)
          await stores.position(account, symbol, [decimalText(quantity), decimalText(cost), decimalText(pnl)], String(epoch))
        }
        const shuffled = rows.map((row, at) => ({ row, at: order[at] ?? 0 })).sort((a, b) => a.at - b.at)
        const middle = Math.floor(shuffled.length / 2)
        for (const part of [shuffled.slice(0, middle), shuffled.slice(middle)])
          if (part.length > 0) await stores.positions(part.map(({ row }) => row))
        if (transactions.length > 0) await stores.transactions(transactions)
        await stores.watermark('dropcopy', '40', String(changes.length), 'positions')
        await stores.watermark('dropcopy', '40', String(transactions.length))

        const wrongState = [...new Set([...last.keys(), ...held.keys()])].flatMap(text => {
          const [ours, theirs] = [held.get(text), last.get(text)]
          const apart = [0, 1, 2].map(at => (ours?.[at] ?? 0n) - (theirs?.[at] ?? 0n))
          return (ours === undefined) === (theirs === undefined) && apart.every(by => by === 0n) ? [] : [[text, ...apart.map(decimalText)]]
        })
        const sums = new Map<string, bigint>()
        for (const row of realized) if (row.sequence <= epoch) sums.set(key(row), (sums.get(key(row)) ?? 0n) - row.by)
        const wrongSums = [...sums].filter(([, by]) => by !== 0n).map(([text, by]) => [text, decimalText(by)])

        const [match, balance] = await Promise.all([
          stores.checkNamed('positions-match'),
          stores.checkNamed('position-realized-pnls-balance'),
        ])
        for (const [run, wrong] of [
          [match, wrongState],
          [balance, wrongSums],
        ] as const) {
          expect(run.reasonCode, run.reason).toBe(wrong.length > 0 ? 'value-mismatch' : 'balanced')
          expect(found(run)).toEqual(wrong.map(line => line.join(' ')).sort())
          expect(run.canary).toBe('found')
        }
      }),
      parameters({ numRuns: 30 }),
    )
  })
})

function positionRow({
  account,
  symbol,
  sequence,
  values,
}: {
  account: string
  symbol: string
  sequence: number
  values: Values
}): PositionRow {
  const [quantity, cost_basis, realized_pnl] = values.map(decimalText)
  return {
    sequence: String(sequence),
    execution_id: `e${sequence}`,
    account_id: account,
    symbol,
    ...(quantity === undefined ? {} : { quantity }),
    ...(cost_basis === undefined ? {} : { cost_basis }),
    ...(realized_pnl === undefined ? {} : { realized_pnl }),
  }
}

function transactionRow(id: string, row: { account: string; symbol: string; sequence: number }, by: bigint): TransactionRow {
  return {
    sequence: String(row.sequence),
    transaction_id: id,
    account_id: row.account,
    symbol: row.symbol,
    kind: 'realized_pnl',
    amount: decimalText(by),
  }
}

function found(run: Run): string[] {
  return run.mismatches
    .map(({ key, difference }) => [JSON.stringify([key['account_id'], key['symbol']]), ...Object.values(difference)].join(' '))
    .sort()
}

/** Writes a count of 10^-18 as decimal text, by text alone. */
function decimalText(count: bigint): string {
  const digits = String(count).replace('-', '').padStart(19, '0')
  const text = `${digits.slice(0, -18)}.${digits.slice(-18)}`.replace(/\.?0+$/, '')
  return count < 0n ? `-${text}` : text
}
