import { afterEach, beforeAll, beforeEach, expect, it } from 'vitest'
import type { RunOptions } from '../checks/run-check.ts'
import { type Books, openBooks } from './support/books.ts'
import { describeEngines, startTestEngines, type TestEngines } from './support/engines.ts'

describeEngines('positions-match', () => {
  let engines: TestEngines
  let books: Books
  let serial = 0

  beforeAll(async () => {
    engines = await startTestEngines()
  })
  beforeEach(async () => {
    books = await openBooks(await engines.createStores(`pm_${serial++}`))
  })
  afterEach(() => books.close())

  const check = (options: Partial<RunOptions> = {}, change: Parameters<Books['checkNamed']>[2] = {}) =>
    books.checkNamed('positions-match', options, change)
  const vouch = (sequence: string, rowsTotal: string) => books.watermark('dropcopy', sequence, rowsTotal, 'positions')

  it('is balanced on empty stores, at epoch 0', async () => {
    expect(await check()).toMatchObject({ verdict: 'balanced', epoch: { dropcopy: '0', cash: '0' }, keysCompared: '0' })
  })

  it('takes the last row at or below the epoch, in whatever order the rows came', async () => {
    await books.token('9')
    await books.position('A', 'S', ['3', '30', '7'], '9')
    await books.positions([row('9', { quantity: '3', cost_basis: '30', realized_pnl: '7' })])
    await books.positions([row('2', { quantity: '100', cost_basis: '1000', realized_pnl: '9' })])
    await books.positions([row('5', { quantity: '-50', cost_basis: '-500', realized_pnl: '-9' }), row('1', { quantity: '1' })])
    await vouch('9', '4')
    expect(await check()).toMatchObject({ verdict: 'balanced', keysCompared: '1', horizon: { legs: [{ facts: { dropcopy: '4' } }] } })
  })

  it('takes the last row where merges have put the parts together, and where a row came again after later ones', async () => {
    await books.token('3')
    await books.position('A', 'S', ['3', '0', '0'], '3')
    for (const sequence of ['1', '2', '3', '2', '1']) await books.positions([row(sequence, { quantity: sequence })])
    await vouch('3', '3')
    const before = await check()
    await books.command('optimize table positions final')
    const after = await check()
    for (const run of [before, after])
      expect(run).toMatchObject({ verdict: 'balanced', horizon: { legs: [{ rows: '5', duplicates: '2' }] } })
  })

  it('[P-ONE-EPOCH] ignores rows above the epoch, of keys that are there and of others', async () => {
    await books.token('5')
    await books.position('A', 'S', ['1', '10', '0'], '5')
    await books.positions([row('5', { quantity: '1', cost_basis: '10' }), row('6', { quantity: '2' }), row('7', { account_id: 'B' })])
    await vouch('8', '3')
    expect(await check()).toMatchObject({ verdict: 'balanced', epoch: { dropcopy: '5' }, keysCompared: '1' })
  })

  it('names each value that differs, exactly, and no other key', async () => {
    await books.token('3')
    await books.position('A', 'S', ['1.000000000000000001', '10', '-0.5'], '3')
    await books.position('B', 'S', ['1', '1', '1'], '2')
    await books.positions([
      row('3', { quantity: '1', cost_basis: '10', realized_pnl: '0.5' }),
      row('2', { account_id: 'B', quantity: '1', cost_basis: '1', realized_pnl: '1' }),
    ])
    await vouch('3', '2')
    const run = await check()
    expect(run).toMatchObject({ verdict: 'diff', reasonCode: 'value-mismatch', keysCompared: '2', mismatchCount: '1' })
    expect(run.mismatches).toEqual([
      {
        key: { account_id: 'A', symbol: 'S' },
        kind: 'value',
        left: { quantity: '1.000000000000000001', cost_basis: '10', realized_pnl: '-0.5' },
        right: { quantity: '1', cost_basis: '10', realized_pnl: '0.5' },
        difference: { quantity: '0.000000000000000001', cost_basis: '0', realized_pnl: '-1' },
      },
    ])
  })

  it('takes a row of zeros and no row for different things', async () => {
    await books.token('2')
    await books.position('flat', 'S', ['0', '0', '0'], '2')
    await books.position('only-pg', 'S', ['0', '0', '0'], '2')
    await books.positions([row('2', { account_id: 'flat' }), row('1', { account_id: 'only-ch' })])
    await vouch('2', '2')
    const run = await check()
    expect(run).toMatchObject({ verdict: 'diff', keysCompared: '3', mismatchCount: '2' })
    expect(run.mismatches.map(({ key, kind, left, right }) => [key['account_id'], kind, left, right])).toEqual([
      ['only-ch', 'missing-left', null, { quantity: '0', cost_basis: '0', realized_pnl: '0' }],
      ['only-pg', 'missing-right', { quantity: '0', cost_basis: '0', realized_pnl: '0' }, null],
    ])
  })

  it('keeps accounts and symbols apart that only together are the same', async () => {
    await books.token('2')
    await books.position('A', 'BC', ['1', '0', '0'], '1')
    await books.position('AB', 'C', ['2', '0', '0'], '2')
    await books.positions([row('1', { symbol: 'BC', quantity: '1' }), row('2', { account_id: 'AB', symbol: 'C', quantity: '2' })])
    await vouch('2', '2')
    expect(await check()).toMatchObject({ verdict: 'balanced', keysCompared: '2' })
  })

  it('[P-EXACT] holds quantities, costs and PnL of all places, digit for digit, short positions included', async () => {
    const most = '99999999999999999999.999999999999999999'
    await books.token('9223372036854775807')
    await books.position('A', 'S', [`-${most}`, most, '-0.000000000000000001'], '9223372036854775807')
    await books.position('B', 'S', [most, `-${most}`, most], '1')
    await books.positions([
      row('9223372036854775806', { quantity: '5' }),
      row('9223372036854775807', { quantity: `-${most}`, cost_basis: most, realized_pnl: '-0.000000000000000001' }),
      row('1', { account_id: 'B', quantity: most, cost_basis: `-${most}`, realized_pnl: '99999999999999999999.999999999999999998' }),
    ])
    await vouch('9223372036854775807', '3')
    const run = await check()
    expect(run.mismatches.map(({ key, difference }) => [key['account_id'], difference['realized_pnl']])).toEqual([
      ['B', '0.000000000000000001'],
    ])
  })

  it('[P-BYTE-ORDER] matches accounts and symbols of any UTF-8', async () => {
    const names = [
      '',
      ' ',
      'a',
      'B',
      'é',
      'e\u0301',
      '𝔘',
      '\uffff',
      "O'Brien",
      '"',
      '\\',
      '\\N',
      '\t',
      '\n',
      '\r',
      '\x01',
      '漢字',
      '🏦',
      'ß',
      'SS',
    ]
    await books.token('1')
    for (const [at, name] of names.entries()) await books.position(name, names[names.length - 1 - at] ?? '', [String(at), '1', '1'], '1')
    await books.positions(
      names.map((account_id, at) => ({
        sequence: '1',
        execution_id: `E${at}`,
        account_id,
        symbol: names[names.length - 1 - at] ?? '',
        quantity: String(at === 7 ? 99 : at),
        cost_basis: '1',
        realized_pnl: '1',
      })),
    )
    await vouch('1', String(names.length))
    const run = await check()
    expect(run).toMatchObject({ mismatchCount: '1', keysCompared: String(names.length) })
    expect(run.mismatches[0]?.key).toEqual({ account_id: '\uffff', symbol: names[names.length - 8] })
  })

  it('waits for the watermark of the positions, whatever that of the transactions says, and names the table', async () => {
    await books.token('5')
    await books.position('A', 'S', ['1', '0', '0'], '5')
    await books.positions([row('5', { quantity: '1' })])
    await books.watermark('dropcopy', '5', '0')
    await vouch('4', '0')
    const run = await check()
    expect(run).toMatchObject({ verdict: 'inconclusive', reasonCode: 'horizon-timeout' })
    expect(run.reason).toContain('the watermark of positions for stream dropcopy stands at 4 and must reach 5')
    await vouch('5', '1')
    expect(await check()).toMatchObject({ verdict: 'balanced' })
  })

  it('needs no watermark of the cash stream, which moves no position', async () => {
    await books.pg.query(`insert into accounts.transfers values ('t1', 7, 'A', 'USD', 'deposit', 1, 'r1', now())`)
    expect(await check()).toMatchObject({ verdict: 'balanced', epoch: { dropcopy: '0', cash: '7' } })
  })

  it('[P-PROVED-IS-READ] finds a row that was lost, even if a later one has taken its place', async () => {
    await books.token('2')
    await books.position('A', 'S', ['2', '0', '0'], '2')
    await books.positions([row('2', { quantity: '2' })])
    await vouch('2', '2')
    expect(await check()).toMatchObject({ verdict: 'diff', reasonCode: 'rows-missing', mismatchCount: '0' })
  })

  it('[P-CONFLICT] tells two rows of one execution, account and symbol from a repeated delivery', async () => {
    await books.token('3')
    await books.position('A', 'S', ['3', '0', '0'], '3')
    await books.positions([row('2', { quantity: '2' }), row('2', { quantity: '2.5' }), row('3', { quantity: '3' })])
    await vouch('3', '2')
    expect(await check()).toMatchObject({ verdict: 'diff', reasonCode: 'conflicting-duplicate', mismatchCount: '0', conflicts: ['E2 A S'] })
  })

  it('[P-TORN-CUT] does not compare a cut in which a position is stamped above the token', async () => {
    await books.token('1')
    await books.position('A', 'S', ['1', '0', '0'], '2')
    const torn = { verdict: 'inconclusive', reasonCode: 'torn-cut', capture: { stamps: { dropcopy: '2' } } }
    expect(await check()).toMatchObject(torn)
  })

  it('is not torn by a balance that is stamped above the token: it reads none', async () => {
    await books.token('1')
    await books.balance('A', 'USD', '1', '2')
    await vouch('1', '0')
    expect(await check()).toMatchObject({ verdict: 'balanced' })
    expect(await books.check()).toMatchObject({ reasonCode: 'torn-cut' })
  })

  it('[P-EPOCH-MONOTONE] tells an epoch that went back before a torn cut', async () => {
    await books.token('1')
    await books.position('A', 'S', ['1', '0', '0'], '2')
    const run = await check({ seenBefore: { dropcopy: 2n, cash: 0n } })
    expect(run).toMatchObject({ verdict: 'inconclusive', reasonCode: 'epoch-regression' })
  })

  it('refuses a history whose merges may drop rows that are facts, with the remedy', async () => {
    await books.command('create table replaced as positions engine = ReplacingMergeTree order by (account_id, symbol)')
    await books.command(
      'create table kept as positions engine = ReplacingMergeTree order by (stream, sequence, execution_id, account_id, symbol)',
    )
    const { tables } = books.sources()
    const named = (name: string) => ({
      tables: { ...tables, clickhouse: { ...tables.clickhouse, positions: { ...tables.clickhouse.positions, name } } },
    })
    const run = await check({}, named('replaced'))
    expect(run).toMatchObject({ verdict: 'inconclusive', reasonCode: 'history-collapsed' })
    expect(run.reason).toContain('whose sorting key lacks sequence and execution_id')
    expect(run.reason).toContain('MergeTree ordered by (stream, sequence, execution_id, account_id, symbol)')
    expect(await check({}, named('kept'))).toMatchObject({ verdict: 'balanced' })
    // The other check that reads positions refuses it as well; the one that does not goes on.
    expect(await books.checkNamed('position-realized-pnls-balance', {}, named('replaced'))).toMatchObject({
      reasonCode: 'history-collapsed',
    })
    expect(await books.check({}, named('replaced'))).toMatchObject({ verdict: 'balanced' })
  })
})

function row(sequence: string, change: object) {
  return { sequence, execution_id: `E${sequence}`, account_id: 'A', ...change }
}
