import { afterAll, beforeAll, expect, it } from 'vitest'
import type { Run } from '../checks/run.ts'
import { systemClock } from '../stores/system-clock.ts'
import { describeEngines, startTestEngines, type TestEngines } from './support/engines.ts'
import { A, B, type MarkBooks, type MarkRow, openMarkBooks, RIGHT } from './support/mark-books.ts'

const ALL = Object.values(RIGHT)

describeEngines('pnl-is-zero-sum', () => {
  let engines: TestEngines
  beforeAll(async () => {
    engines = await startTestEngines()
  })
  const opened: MarkBooks[] = []
  afterAll(() => Promise.all(opened.map(books => books.close())))
  const open = async (name: string) => {
    const books = await openMarkBooks(engines, `zero sum ${name}`)
    opened.push(books)
    return books
  }
  /** Books whose cycle 3 has these rows, and a watermark that counts so many. */
  const withCycle = async (name: string, rows: readonly MarkRow[], counted = new Set(rows.map(addressOf)).size) => {
    const books = await open(name)
    await books.marks(rows)
    await books.vouch('3', `${2 + counted}`)
    return books
  }

  it('is balanced where every mark is right, and says of which cycle and of which epoch', async () => {
    const books = await withCycle('right', ALL)
    const run = await books.zeroSum()
    expect(outcomeOf(run)).toBe('balanced/balanced: all 2 symbols come to zero, and all 4 marks are right, in mark cycle 3 at dropcopy 10')
    expect(run).toMatchObject({
      epoch: { dropcopy: '10', cash: '1' },
      keysCompared: '2',
      mismatchCount: '0',
      findings: [],
      canary: 'found',
    })
    expect(run.horizon.legs[0]).toMatchObject({
      table: 'pnl_marks',
      at: { mark_cycle: '3' },
      rowsTotal: { mark_cycle: '4' },
      duplicates: '0',
    })
    expect(run.horizon.legs.map(({ table }) => table)).toEqual(['pnl_marks', 'positions', 'transactions'])
  })

  it('takes a mark that was delivered again for one', async () => {
    const books = await withCycle('repeated', ALL)
    await books.marks(ALL.slice(1))
    await books.marks(ALL.slice(2))
    const run = await books.zeroSum()
    expect(outcomeOf(run)).toMatch(/^balanced/)
    expect(run.horizon.legs[0]).toMatchObject({ facts: { mark_cycle: '4' }, rows: '9', duplicates: '5' })
  })

  const wrong: readonly {
    name: string
    change: Partial<Record<keyof typeof RIGHT, Partial<MarkRow>>>
    findings: Run['findings']
    pnl: Record<string, string>
  }[] = [
    {
      name: 'a mark price that one account alone has, and its figures by it',
      change: { goldOfB: { mark_price: '12.500000001', unrealized_pnl: '-15.000000006' } },
      findings: [finding('mark-price-differs', B, 'GOLD', { mark_price: '12.500000001', price_of_the_others: '12.5' })],
      pnl: { GOLD: '-0.000000006' },
    },
    {
      name: 'a realized figure that is wrong by the smallest amount there is',
      change: { goldOfA: { realized_pnl: '8.500000000000000001' } },
      findings: [finding('realized-differs', A, 'GOLD', { marks: '8.500000000000000001', positions: '8.5', transactions: '8.5' })],
      pnl: { GOLD: '0.000000000000000001' },
    },
    {
      name: 'an unrealized figure that is wrong by the smallest amount there is',
      change: { oilOfB: { unrealized_pnl: '-0.000000000000000017' } },
      findings: [
        finding('unrealized-differs', B, 'OIL', {
          unrealized_pnl: '-0.000000000000000017',
          expected: '-0.000000000000000018',
          difference: '0.000000000000000001',
          quantity: '0.000000003',
          cost_basis: '0.000000000000000021',
          mark_price: '0.000000001',
        }),
      ],
      pnl: { OIL: '0.000000000000000001' },
    },
    {
      name: 'two wrong figures that make up for each other, so that every sum is zero',
      change: { goldOfA: { realized_pnl: '9.5' }, goldOfB: { realized_pnl: '-9.5' } },
      findings: [
        finding('realized-differs', B, 'GOLD', { marks: '-9.5', positions: '-8.5', transactions: '-8.5' }),
        finding('realized-differs', A, 'GOLD', { marks: '9.5', positions: '8.5', transactions: '8.5' }),
      ],
      pnl: {},
    },
    {
      name: 'a mark that was computed at another epoch than the others',
      change: { oilOfA: { sequence: '9' } },
      findings: [finding('mark-epoch-differs', A, 'OIL', { computed_at: 'dropcopy 9' })],
      pnl: {},
    },
    {
      name: 'a mark under the wrong account',
      change: { oilOfA: { account_id: 'C' } },
      findings: [
        finding('mark-unexpected', 'C', 'OIL', { mark_price: '0.000000001', realized_pnl: '0', unrealized_pnl: '0.000000000000000018' }),
        finding('mark-missing', A, 'OIL', { quantity: '-0.000000003', cost_basis: '-0.000000000000000021', realized_pnl: '0' }),
      ],
      pnl: {},
    },
  ]

  it.concurrent.each(wrong)('names $name', async ({ name, change, findings, pnl }) => {
    const rows = Object.entries(RIGHT).map(([of, row]) => ({ ...row, ...Object.entries(change).find(([changed]) => changed === of)?.[1] }))
    const run = await (await withCycle(name.slice(0, 20), rows)).zeroSum()
    expect(run).toMatchObject({ verdict: 'diff', reasonCode: 'value-mismatch' })
    expect(run.findings).toEqual(findings)
    expect(differencesOf(run)).toEqual(pnl)
    expect(run.mismatchCount).toBe(`${Object.keys(pnl).length}`)
  })

  it('names the mark that is missing where the watermark does not count it either', async () => {
    const run = await (await withCycle('missing', [RIGHT.goldOfA, RIGHT.oilOfA, RIGHT.oilOfB])).zeroSum()
    expect(outcomeOf(run)).toBe('diff/value-mismatch: 1 of 2 keys differ; 1 finding (mark-missing 1); in mark cycle 3 at dropcopy 10')
    expect(run.findings).toEqual([finding('mark-missing', B, 'GOLD', { quantity: '-6', cost_basis: '-60', realized_pnl: '-8.5' })])
    expect(differencesOf(run)).toEqual({ GOLD: '23.5' })
  })

  it('calls a cycle that is short of its watermark half written, waits for the rest, and is balanced once it is there', async () => {
    const books = await withCycle('half', ALL.slice(0, 2), 4)
    const impatient = await books.zeroSum()
    expect(outcomeOf(impatient)).toMatch(
      /^diff\/rows-missing: clickhouse shows fewer rows of pnl_marks than its watermark vouches for at mark_cycle=3 \(mark_cycle -2\)/,
    )
    expect(impatient.findings.map(({ kind, key }) => [kind, key['account_id'], key['symbol']])).toEqual([
      ['mark-missing', B, 'OIL'],
      ['mark-missing', A, 'OIL'],
    ])
    const patient = books.zeroSum({ horizonTimeoutMs: 15_000 })
    await books.marks([RIGHT.oilOfA])
    await books.marks([RIGHT.oilOfB])
    expect(outcomeOf(await patient)).toMatch(/^balanced/)
  })

  it('does not let a mark that was delivered again make up for one that is missing', async () => {
    const run = await (await withCycle('compensated', [...ALL.slice(1), RIGHT.oilOfB], 4)).zeroSum()
    expect(run).toMatchObject({ verdict: 'diff', reasonCode: 'rows-missing' })
    expect(run.horizon.legs[0]).toMatchObject({ facts: { mark_cycle: '3' }, rows: '4', duplicates: '1' })
    expect(run.findings.map(({ kind }) => kind)).toEqual(['mark-missing'])
  })

  it('goes by the cycle before where the newest has no watermark, however many rows it has', async () => {
    const books = await open('no watermark')
    await books.marks([{ ...RIGHT.goldOfA, realized_pnl: '99' }, RIGHT.goldOfB])
    const run = await books.zeroSum()
    expect(outcomeOf(run)).toBe('balanced/balanced: all 1 symbols come to zero, and all 2 marks are right, in mark cycle 2 at dropcopy 6')
  })

  it('counts the rows of a cycle that has no watermark of its own to the next one that has', async () => {
    const books = await open('between')
    await books.marks(ALL)
    await books.marks(ALL.map(row => ({ ...row, mark_cycle: '4' })))
    await books.vouch('4', '10')
    expect(outcomeOf(await books.zeroSum())).toMatch(/^balanced.*cycle 4/)
    await books.marks([{ ...RIGHT.goldOfA, account_id: 'D' }])
    expect(outcomeOf(await books.zeroSum())).toMatch(/^diff\/rows-extra: .*\(mark_cycle \+1\)/)
  })

  it('tells two different marks under one address, also where one of them is right', async () => {
    const books = await withCycle('conflict', [...ALL, { ...RIGHT.oilOfB, unrealized_pnl: '7' }])
    const run = await books.zeroSum()
    expect(run).toMatchObject({ verdict: 'diff', reasonCode: 'conflicting-duplicate', conflicts: [`3 ${B} OIL`] })
    expect(run.findings.map(({ kind }) => kind)).toEqual(['conflicting-duplicate'])
    const later = await withCycle('conflict in the rest', [...ALL, { ...RIGHT.oilOfB, marked_at: '2026-11-24 00:00:01.000000' }])
    expect((await later.zeroSum()).reasonCode).toBe('conflicting-duplicate')
  })

  it('does not choose between two totals for one cycle', async () => {
    const books = await withCycle('totals', ALL)
    await books.vouch('3', '7')
    expect(outcomeOf(await books.zeroSum())).toMatch(
      /^inconclusive\/watermark-conflict: clickhouse: the watermarks of pnl_marks for mark cycle 3 disagree: 6 and 7 rows/,
    )
    const before = await withCycle('totals before', ALL)
    await before.vouch('2', '3')
    expect(outcomeOf(await before.zeroSum())).toMatch(/^inconclusive\/watermark-conflict: .* cycle 2 disagree: 2 and 3 rows/)
  })

  it('cannot say anything where no cycle was ever published, unless nobody holds a position', async () => {
    const books = await open('none')
    await books.command("alter table sink_watermarks delete where table_name = 'pnl_marks' settings mutations_sync = 2")
    const run = await books.zeroSum()
    expect(outcomeOf(run)).toMatch(/^inconclusive\/horizon-timeout: clickhouse: no mark cycle is vouched for/)
    expect(run.epoch).toBe(null)
    await books.vouch('1', '0')
    expect((await books.zeroSum()).reasonCode).toBe('horizon-timeout')

    await books.token('0')
    const nobody = await books.zeroSum()
    expect(outcomeOf(nobody)).toMatch(/^balanced\/balanced: no position is held as of this epoch/)
    expect(nobody).toMatchObject({ epoch: { dropcopy: '0', cash: '0' }, keysCompared: '0', canary: 'found' })
    expect(nobody.warnings).toEqual([expect.stringContaining('nothing was compared')])
    // The epoch is the engine's here, and must not have gone back.
    expect((await books.zeroSum({ seenBefore: { dropcopy: 4n } })).reasonCode).toBe('epoch-regression')

    await books.token('15')
    await books.command('truncate table positions')
    // Eight rows are vouched for.
    expect((await books.zeroSum()).reasonCode).toBe('horizon-timeout')
    await books.command("alter table sink_watermarks delete where table_name = 'positions' settings mutations_sync = 2")
    expect((await books.zeroSum()).reasonCode).toBe('horizon-timeout')
    await books.watermark('dropcopy', '15', '0', 'positions')
    expect((await books.zeroSum()).verdict).toBe('balanced')
  })

  it('waits for the first cycle, and for the positions and transactions of its epoch', async () => {
    const books = await open('late')
    await books.command("alter table sink_watermarks delete where table_name != 'nothing' settings mutations_sync = 2")
    const run = books.zeroSum({ horizonTimeoutMs: 12_000 })
    await books.marks(ALL)
    await books.vouch('3', '6')
    await books.vouch('2', '2')
    await books.watermark('dropcopy', '10', '6', 'positions')
    await books.watermark('dropcopy', '10', '4')
    expect(outcomeOf(await run)).toMatch(/^balanced/)
  })

  it('says which history is behind the epoch of the cycle', async () => {
    const books = await withCycle('behind', ALL)
    await books.command("alter table sink_watermarks delete where table_name = 'positions' settings mutations_sync = 2")
    expect(outcomeOf(await books.zeroSum())).toMatch(
      /^inconclusive\/horizon-timeout: .*watermark of positions for stream dropcopy stands at 0 and must reach 10/,
    )
  })

  it('is not satisfied with a cycle that is empty, where there were positions before', async () => {
    const books = await withCycle('empty', [])
    // The cycle before was computed at dropcopy 6, when there were two positions.
    const run = await books.zeroSum()
    expect({ reasonCode: run.reasonCode, epoch: run.epoch?.['dropcopy'] }).toEqual({ reasonCode: 'value-mismatch', epoch: '6' })
    expect(run.findings.map(({ kind }) => kind)).toEqual(['mark-missing', 'mark-missing'])
    const nothing = await open('vouched, and nothing there')
    await nothing.command('truncate table pnl_marks')
    await nothing.vouch('3', '6')
    expect(outcomeOf(await nothing.zeroSum())).toMatch(
      /^diff\/rows-missing: the watermark of mark cycle 3 vouches for 4 marks, and there is none/,
    )
  })

  it('holds the positions and transactions that it reads to their own watermarks', async () => {
    const books = await withCycle('short positions', ALL)
    await books.command('alter table positions delete where sequence = 9 settings mutations_sync = 2')
    const run = await books.zeroSum()
    expect(outcomeOf(run)).toMatch(/^diff\/rows-missing: clickhouse shows fewer rows of positions/)
    expect(run.findings.map(({ kind }) => kind)).toEqual(['mark-unexpected'])
    const realized = await withCycle('wrong transaction', ALL)
    await realized.command(
      "alter table transactions update amount = amount + toDecimal128('0.000000000000000001', 18) where sequence = 8 settings mutations_sync = 2",
    )
    expect((await realized.zeroSum()).findings).toEqual([
      finding('realized-differs', B, 'GOLD', { marks: '-8.5', positions: '-8.5', transactions: '-8.499999999999999999' }),
    ])
  })

  it('lists as many findings as it may, and counts the others', async () => {
    const books = await withCycle(
      'many',
      ALL.map(row => ({ ...row, realized_pnl: '77' })),
    )
    const run = await books.zeroSum({ maxMismatches: 1 })
    expect(run.findings.length).toBe(1)
    expect(outcomeOf(run)).toContain('4 findings (realized-differs 4), of which 1 are listed')
    expect({ count: run.mismatchCount, listed: run.mismatches.length }).toEqual({ count: '2', listed: 1 })
  })

  it('goes by the newest cycle and a settling time where there are no watermarks', async () => {
    const books = await withCycle('settle', ALL)
    await books.command('truncate table sink_watermarks')
    const settle = { horizon: { strategy: 'settle', settleMs: 20 } } as const
    const run = await books.zeroSum({}, settle)
    expect(outcomeOf(run)).toMatch(/^balanced.*cycle 3/)
    expect(run.horizon.strategy).toBe('settle')
    await books.command(
      "alter table pnl_marks delete where mark_cycle = 3 and symbol = 'OIL' and account_id = 'B' settings mutations_sync = 2",
    )
    expect((await books.zeroSum({}, settle)).findings.map(({ kind }) => kind)).toEqual(['mark-missing'])
  })

  it('refuses a table of marks whose merges may drop rows, and one that lacks a column', async () => {
    const books = await withCycle('collapsing', ALL)
    await books.command('drop table pnl_marks sync')
    await books.command(
      `create table pnl_marks (mark_cycle UInt64, stream String, sequence UInt64, account_id String, symbol String, asset String, mark_price Decimal(38,18),
        realized_pnl Decimal(38,18), unrealized_pnl Decimal(38,18), marked_at DateTime64(6,'UTC')) engine = ReplacingMergeTree order by (symbol, account_id)`,
    )
    expect((await books.zeroSum()).reasonCode).toBe('history-collapsed')
    await books.command('alter table pnl_marks drop column mark_price')
    expect(outcomeOf(await books.zeroSum())).toMatch(/^inconclusive\/schema-mismatch: .*column mark_price is missing/)
  })

  it('reads tables and columns under the names that they have', async () => {
    const books = await withCycle('renamed', ALL)
    await books.command('rename table pnl_marks to marks_of_ours')
    await books.command('alter table marks_of_ours rename column unrealized_pnl to open_pnl')
    const { tables } = books.sources()
    const pnl_marks = {
      ...tables.clickhouse.pnl_marks,
      name: 'marks_of_ours',
      columns: { ...tables.clickhouse.pnl_marks.columns, unrealized_pnl: 'open_pnl' },
    }
    const run = await books.zeroSum({}, { tables: { ...tables, clickhouse: { ...tables.clickhouse, pnl_marks } } })
    expect(outcomeOf(run)).toMatch(/^balanced/)
  })

  it('ends at once when it is cancelled while it waits', async () => {
    const books = await withCycle('cancelled', ALL.slice(1), 4)
    const controller = new AbortController()
    const sleep = (ms: number, signal: AbortSignal) => {
      // The first pause is that between two looks at the cycle; only the run's own time-out is longer.
      if (ms < 1_000) controller.abort(new Error('enough'))
      return systemClock.sleep(ms, signal)
    }
    const run = books.zeroSum({ horizonTimeoutMs: 15_000, signal: controller.signal, clock: { ...systemClock, sleep } })
    expect((await run).reasonCode).toBe('cancelled')
  })
})

function finding(kind: string, account_id: string, symbol: string, detail: Record<string, string>): Run['findings'][number] {
  return { kind, key: { account_id, symbol }, detail }
}

function outcomeOf({ verdict, reasonCode, reason }: Run): string {
  return `${verdict}/${reasonCode}: ${reason}`
}

function differencesOf({ mismatches }: Run): Record<string, string | undefined> {
  return Object.fromEntries(mismatches.map(({ key, difference }) => [key['symbol'], difference['pnl']]))
}

function addressOf({ mark_cycle, account_id, symbol }: MarkRow): string {
  return JSON.stringify([mark_cycle, account_id, symbol])
}
