import { afterEach, beforeAll, beforeEach, expect, it } from 'vitest'
import type { RunOptions } from '../checks/run-check.ts'
import { type Books, openBooks } from './support/books.ts'
import { describeEngines, startTestEngines, type TestEngines } from './support/engines.ts'

describeEngines('position-realized-pnls-balance', () => {
  let engines: TestEngines
  let books: Books
  let serial = 0

  beforeAll(async () => {
    engines = await startTestEngines()
  })
  beforeEach(async () => {
    books = await openBooks(await engines.createStores(`pr_${serial++}`))
  })
  afterEach(() => books.close())

  const check = (options: Partial<RunOptions> = {}) => books.checkNamed('position-realized-pnls-balance', options)
  const vouch = async (sequence: string, positions: string, transactions: string) => {
    await books.watermark('dropcopy', sequence, positions, 'positions')
    await books.watermark('dropcopy', sequence, transactions)
  }

  it('is balanced on empty stores, at epoch 0', async () => {
    expect(await check()).toMatchObject({ verdict: 'balanced', epoch: { dropcopy: '0', cash: '0' }, keysCompared: '0' })
  })

  it('holds the last cumulative figure of a position to the sum of what was realized, in whatever order the rows came', async () => {
    await books.token('4')
    await books.positions([position('4', '-2.5')])
    await books.positions([position('1', '0'), position('3', '100'), position('2', '1.5')])
    await books.transactions([realized('3', '98.5'), realized('4', '-102.5'), realized('2', '1.5'), realized('1', '0')])
    await vouch('4', '4', '4')
    expect(await check()).toMatchObject({ verdict: 'balanced', keysCompared: '1' })
  })

  it('[P-ONE-EPOCH] takes its epoch from the tokens, and ignores what either table holds above it', async () => {
    await books.token('2')
    await books.positions([position('2', '1'), position('3', '5')])
    await books.transactions([realized('2', '1'), realized('4', '7'), realized('3', '1', { account_id: 'B' })])
    await books.watermark('dropcopy', '3', '2', 'positions')
    await books.watermark('dropcopy', '4', '3')
    const run = await check()
    expect(run).toMatchObject({ verdict: 'balanced', epoch: { dropcopy: '2', cash: '0' }, keysCompared: '1' })
    expect(run.horizon.legs).toMatchObject([
      { table: 'positions', at: { dropcopy: '3' } },
      { table: 'transactions', at: { dropcopy: '4', cash: '0' } },
    ])
  })

  it('looks at realized PnL alone, and at every other transaction only to count it', async () => {
    await books.token('2')
    await books.positions([position('2', '1')])
    await books.transactions([
      realized('2', '1'),
      realized('2', '-9', { transaction_id: 'fee', kind: 'fee' }),
      realized('1', '3', { transaction_id: 'funding', kind: 'funding' }),
    ])
    await vouch('2', '1', '3')
    expect(await check()).toMatchObject({ verdict: 'balanced', keysCompared: '1' })
    await vouch('3', '1', '4')
    await books.token('3')
    expect(await check()).toMatchObject({ verdict: 'diff', reasonCode: 'rows-missing', mismatchCount: '0' })
  })

  it('names account and symbol, and the exact difference: positions minus transactions', async () => {
    await books.token('2')
    await books.positions([position('2', '1.000000000000000001'), position('1', '5', { symbol: 'T' })])
    await books.transactions([realized('2', '1'), realized('1', '5', { symbol: 'T', transaction_id: 'T1' })])
    await vouch('2', '2', '2')
    const run = await check()
    expect(run).toMatchObject({ verdict: 'diff', reasonCode: 'value-mismatch', keysCompared: '2' })
    expect(run.mismatches).toEqual([
      {
        key: { account_id: 'A', symbol: 'S' },
        kind: 'value',
        left: { realized_pnl: '1.000000000000000001' },
        right: { realized_pnl: '1' },
        difference: { realized_pnl: '0.000000000000000001' },
      },
    ])
  })

  it('takes zero and nothing for the same, and nothing else', async () => {
    await books.token('4')
    await books.positions([position('1', '0', { account_id: 'zero-left' }), position('2', '3', { account_id: 'gone-right' })])
    await books.transactions([
      realized('3', '2', { account_id: 'zero-right' }),
      realized('4', '-2', { account_id: 'zero-right' }),
      realized('4', '8', { account_id: 'gone-left', transaction_id: 'x' }),
    ])
    await vouch('4', '2', '3')
    const run = await check()
    expect(run).toMatchObject({ verdict: 'diff', keysCompared: '4', mismatchCount: '2' })
    expect(run.mismatches.map(({ key, kind, difference }) => [key['account_id'], kind, difference['realized_pnl']])).toEqual([
      ['gone-left', 'missing-left', '-8'],
      ['gone-right', 'missing-right', '3'],
    ])
  })

  it('[P-EXACT] sums past the range of Decimal(38, 18), and holds all places', async () => {
    const most = '99999999999999999999.999999999999999999'
    await books.token('60')
    await books.positions([position('60', '0.000000000000000001')])
    await books.transactions([
      ...Array.from({ length: 30 }, (_, at) => realized(String(at + 1), most)),
      ...Array.from({ length: 30 }, (_, at) =>
        realized(String(at + 31), at === 0 ? '-99999999999999999999.999999999999999998' : `-${most}`),
      ),
    ])
    await vouch('60', '1', '60')
    expect(await check()).toMatchObject({ verdict: 'balanced', keysCompared: '1' })
  })

  it('[P-BYTE-ORDER] matches accounts and symbols of any UTF-8', async () => {
    const names = ['', ' ', 'B', 'é', 'e\u0301', '𝔘', '\uffff', "O'Brien", '\\N', '\t', '\n', '漢字', '🏦']
    await books.token('1')
    await books.positions(
      names.map((name, at) => position('1', at === 6 ? '9' : '1', { account_id: name, symbol: name, execution_id: `E${at}` })),
    )
    await books.transactions(names.map((name, at) => realized('1', '1', { account_id: name, symbol: name, transaction_id: `t${at}` })))
    await vouch('1', String(names.length), String(names.length))
    const run = await check()
    expect(run).toMatchObject({ mismatchCount: '1', keysCompared: String(names.length) })
    expect(run.mismatches[0]).toMatchObject({ key: { account_id: '\uffff', symbol: '\uffff' }, difference: { realized_pnl: '8' } })
  })

  it.each([
    { behind: 'positions', ahead: 'transactions' },
    { behind: 'transactions', ahead: 'positions' },
  ] as const)('waits for both horizons: with the watermark of the $behind behind, it names that table', async ({ behind, ahead }) => {
    await books.token('5')
    await books.positions([position('5', '1')])
    await books.transactions([realized('5', '1')])
    await books.watermark('dropcopy', '9', '1', ahead)
    await books.watermark('dropcopy', '4', '0', behind)
    const run = await check()
    expect(run).toMatchObject({ verdict: 'inconclusive', reasonCode: 'horizon-timeout' })
    expect(run.reason).toContain(`the watermark of ${behind} for stream dropcopy stands at 4 and must reach 5`)
    expect(run.reason).not.toContain(`the watermark of ${ahead}`)

    const waiting = check({ horizonTimeoutMs: 15_000 })
    await books.watermark('dropcopy', '5', '1', behind)
    expect(await waiting).toMatchObject({ verdict: 'balanced' })
  })

  it('waits for the cash stream of the transactions, though no transfer realizes anything', async () => {
    await books.pg.query(`insert into accounts.transfers values ('t1', 7, 'A', 'USD', 'deposit', 1, 'r1', now())`)
    const run = await check()
    expect(run).toMatchObject({ verdict: 'inconclusive', reasonCode: 'horizon-timeout' })
    expect(run.reason).toContain('the watermark of transactions for stream cash stands at 0 and must reach 7')
  })

  it('[P-EPOCH-MONOTONE] tells an epoch that went back, though it captures nothing', async () => {
    await books.token('1')
    await vouch('1', '0', '0')
    expect(await check()).toMatchObject({ verdict: 'balanced' })
    expect(await check({ seenBefore: { dropcopy: 2n, cash: 0n } })).toMatchObject({
      verdict: 'inconclusive',
      reasonCode: 'epoch-regression',
      epoch: { dropcopy: '1' },
    })
  })

  it('[P-CONFLICT] tells contradicting rows in either table', async () => {
    await books.token('2')
    await books.positions([position('1', '1'), position('1', '2'), position('2', '3')])
    await books.transactions([realized('2', '3')])
    await vouch('2', '2', '1')
    expect(await check()).toMatchObject({ reasonCode: 'conflicting-duplicate', mismatchCount: '0', conflicts: ['E1 A S'] })
  })
})

function position(sequence: string, realized_pnl: string, change: object = {}) {
  return { sequence, execution_id: `E${sequence}`, account_id: 'A', realized_pnl, ...change }
}

function realized(sequence: string, amount: string, change: object = {}) {
  return { sequence, transaction_id: `R${sequence}`, account_id: 'A', symbol: 'S', kind: 'realized_pnl', amount, ...change }
}
