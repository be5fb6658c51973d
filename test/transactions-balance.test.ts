import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest'
import { type Books, openBooks } from './support/books.ts'
import { describeEngines, startTestEngines, type TestEngines } from './support/engines.ts'

describeEngines('transactions-balance', () => {
  let engines: TestEngines
  let books: Books
  let serial = 0

  beforeAll(async () => {
    engines = await startTestEngines()
  })
  beforeEach(async () => {
    books = await openBooks(await engines.createStores(`tb_${serial++}`))
  })
  afterEach(() => books.close())
  afterAll(() => undefined)

  it('is balanced on empty stores, at epoch 0', async () => {
    const run = await books.check()
    expect(run).toMatchObject({ verdict: 'balanced', reasonCode: 'balanced', epoch: { dropcopy: '0', cash: '0' }, keysCompared: '0' })
  })

  it('compares as of the epoch of the balances, whatever lies above it', async () => {
    await books.token('10')
    await books.balance('A1', 'USD', '1.5', '10')
    await books.transactions([
      { sequence: '10', transaction_id: 'a', account_id: 'A1', amount: '1.5' },
      { sequence: '11', transaction_id: 'b', account_id: 'A1', amount: '7' },
      { sequence: '12', transaction_id: 'c', account_id: 'A2', amount: '7' },
    ])
    await books.watermark('dropcopy', '12', '3')
    const run = await books.check()
    expect(run).toMatchObject({ verdict: 'balanced', epoch: { dropcopy: '10', cash: '0' }, keysCompared: '2' })
    expect(run.horizon).toMatchObject({
      strategy: 'watermark',
      legs: [{ at: { dropcopy: '12', cash: '0' }, facts: { dropcopy: '3', cash: '0' } }],
    })
  })

  it('names the key and the exact difference', async () => {
    await books.token('10')
    await books.balance("O'Brien\n\t\\x", 'USD', '10.000000000000000001', '10')
    await books.transactions([{ sequence: '10', transaction_id: 'a', account_id: "O'Brien\n\t\\x", amount: '10' }])
    await books.watermark('dropcopy', '10', '1')
    const run = await books.check()
    expect(run).toMatchObject({ verdict: 'diff', reasonCode: 'value-mismatch', mismatchCount: '1' })
    expect(run.mismatches).toEqual([
      {
        key: { account_id: "O'Brien\n\t\\x", asset: 'USD' },
        kind: 'value',
        left: { balance: '10.000000000000000001' },
        right: { balance: '10' },
        difference: { balance: '0.000000000000000001' },
      },
    ])
  })
})
