import { createHash } from 'node:crypto'
import { afterEach, beforeAll, describe, expect, it } from 'vitest'
import { transactionsBalance } from '../checks/transactions-balance.ts'
import { canaryOf } from '../epoch/canary.ts'
import { linesOfRows } from '../epoch/compare-rows.ts'
import { compare } from '../epoch/diff.ts'
import type { ReadContext, SnapshotLeg } from '../epoch/leg.ts'
import { connectClickHouse } from '../stores/clickhouse/connection.ts'
import { type CanarySubject, canarySubjects, type Equating } from './support/canary-subjects.ts'
import { describeEngines, startTestEngines, type TestEngines } from './support/engines.ts'
import { startRewritingProxy } from './support/rewriting-proxy.ts'

const CANARY = /^recon-canary-/
const blind = { verdict: 'inconclusive', reasonCode: 'detector-blind', canary: 'missed' }

/** What may become of the canary's line on its way. */
const ways = {
  'is dropped': () => [],
  'is said to be the same on both sides': (line, { from, to }) => [
    line
      .split('\t')
      .map(field => (field === from ? to : field))
      .join('\t'),
  ],
  'has another value': line => [line.replace(/\t\d+/g, '\t5')],
} as const satisfies Readonly<Record<string, (line: string, equating: Equating) => readonly string[]>>

describe('a comparison', () => {
  const shape = { keys: ['account_id', 'asset'], values: ['balance'], aggregating: true } as const
  const key = 'recon-canary-0'
  const row = (account_id: string, balance: string, asset = account_id) => ({ account_id, asset, balance })
  const found = async (left: readonly object[], right: readonly object[]) => {
    const lines = (rows: readonly object[]) => linesOfRows(rows as readonly ReturnType<typeof row>[], shape)
    return compare(lines(left), lines(right), shape, { maxMismatches: 10, canary: canaryOf(key) })
  }

  it('[P-CANARY] finds the canary exactly where each side says of it what it should, and takes it out', async () => {
    expect(await found([row(key, '1'), row('Z', '1')], [row(key, '2'), row('Z', '3')])).toMatchObject({
      canaryFound: true,
      keysCompared: 1n,
      mismatchCount: 1n,
      mismatches: [{ key: { account_id: 'Z' } }],
    })
    const blindSides = [
      [[], []],
      [[row(key, '1')], []],
      [[], [row(key, '2')]],
      [[row(key, '2')], [row(key, '1')]],
      [[row(key, '1')], [row(key, '1')]],
      [[row(key, '1')], [row(key, '2.000000000000000001')]],
    ]
    for (const [left = [], right = []] of blindSides)
      expect(await found(left, right)).toMatchObject({ canaryFound: false, mismatchCount: 0n })
  })

  it('takes nothing for the canary that shares one of its fields', async () => {
    const { canaryFound, mismatches } = await found([row(key, '1'), row(key, '7', 'USD')], [row(key, '2'), row('USD', '7', key)])
    expect(canaryFound).toBe(true)
    expect(mismatches.map(({ key }) => key)).toEqual([
      { account_id: 'USD', asset: key },
      { account_id: key, asset: 'USD' },
    ])
  })
})

describeEngines('the canary', () => {
  let engines: TestEngines
  const opened: { close(): Promise<unknown> }[] = []
  beforeAll(async () => {
    engines = await startTestEngines()
  })
  afterEach(async () => {
    for (let last = opened.pop(); last; last = opened.pop()) await last.close()
  })
  const open = async ({ open }: (typeof canarySubjects)[number]): Promise<CanarySubject> => {
    const subject = await open(engines)
    opened.push(subject)
    return subject
  }
  const throughProxy = async ({ books }: CanarySubject, rewrite: (line: string) => readonly string[]) => {
    const proxy = await startRewritingProxy(books.stores.clickhouseUrl, line => (CANARY.test(line) ? rewrite(line) : [line]))
    const clickhouse = connectClickHouse({ name: 'clickhouse', url: proxy.url, connectTimeoutMs: 5_000, statementTimeoutMs: 20_000 })
    opened.push(proxy, clickhouse)
    return { clickhouse, rewritten: proxy.rewritten }
  }

  it.each(canarySubjects)('[P-CANARY] of $name is found, and stays out of keys, counts and mismatches', async subject => {
    const { run, makeDifference, keys } = await open(subject)
    const balanced = await run()
    expect(balanced).toMatchObject({ verdict: 'balanced', canary: 'found', keysCompared: keys, mismatchCount: '0' })
    await makeDifference()
    const different = await run()
    expect(different).toMatchObject({ verdict: 'diff', reasonCode: 'value-mismatch', canary: 'found', keysCompared: keys })
    for (const { mismatchCount, mismatches, findings, capture } of [balanced, different]) {
      expect(mismatchCount).toBe(String(mismatches.length))
      expect(JSON.stringify([mismatches, findings])).not.toContain('recon-canary')
      expect([null, '0', '1', '2']).toContain(capture.rows)
    }
  })

  const cases = canarySubjects.flatMap(subject =>
    Object.entries(ways).map(([way, rewrite]) => ({ name: subject.name, way, subject, rewrite })),
  )
  it.each(cases)('[P-CANARY] $name is blind where the line of the canary $way, differences or none', async ({ subject, rewrite }) => {
    const checked = await open(subject)
    const { clickhouse, rewritten } = await throughProxy(checked, line => rewrite(line, subject.equating))
    expect(await checked.run({}, clickhouse)).toMatchObject({ ...blind, mismatchCount: '0' })
    expect(rewritten()).toBeGreaterThan(0)
    await checked.makeDifference()
    expect(await checked.run({}, clickhouse)).toMatchObject(blind)
    expect(await checked.run()).toMatchObject({ verdict: 'diff' })
  })

  it.each(canarySubjects)('[P-CANARY] $name says nothing of books where the line of the canary comes twice', async subject => {
    const checked = await open(subject)
    const { clickhouse } = await throughProxy(checked, line => [line, line])
    await checked.makeDifference()
    expect(await checked.run({}, clickhouse)).toMatchObject({ verdict: 'inconclusive', reasonCode: 'store-error' })
  })

  it('[P-CANARY] is missed where the captured side drops it, or says what the other says', async () => {
    const subject = await open(canaryOfTransactions)
    const relation = transactionsBalance(subject.books.sources())
    if (relation.left.kind !== 'snapshot') throw new Error('the left leg captures nothing')
    const { left } = relation
    const captures = {
      dropped: ({ canary: _, ...context }: ReadContext) => left.capture(context),
      equated: ({ canary, ...context }: ReadContext) =>
        left.capture({ ...context, ...(canary ? { canary: { ...canary, value: '2' } } : {}) }),
    }
    for (const capture of Object.values(captures)) {
      const wrong: SnapshotLeg = { ...left, capture }
      expect(await subject.books.run({ ...relation, left: wrong })).toMatchObject(blind)
    }
    expect(await subject.books.run(relation)).toMatchObject({ verdict: 'balanced', canary: 'found' })
  })

  it('compares an account that is called like a canary, of another run or of this one, like any other', async () => {
    const subject = await open(canaryOfTransactions)
    const { books } = subject
    const names = [keyOf('this'), keyOf('another'), 'recon-canary-', 'recon-canary']
    for (const name of names) await books.balance(name, 'USD', '1', '1')
    await books.balance(keyOf('another'), keyOf('another'), '7', '1')
    const run = await subject.run({ runId: 'this' })
    expect(run).toMatchObject({ verdict: 'diff', canary: 'found', keysCompared: '6', mismatchCount: '5' })
    const keys = [...names.map(name => [name, 'USD']), [keyOf('another'), keyOf('another')]]
    expect(run.mismatches.map(({ key }) => Object.values(key).join('\0')).sort()).toEqual(keys.map(key => key.join('\0')).sort())
  })

  it('[P-CANARY] is not mistaken for a real key that is the same in every field: the run says nothing', async () => {
    const subject = await open(canaryOfTransactions)
    await subject.books.balance(keyOf('this'), keyOf('this'), '1', '1')
    expect(await subject.run({ runId: 'this' })).toMatchObject({ verdict: 'inconclusive' })
    expect(await subject.run({ runId: 'that' })).toMatchObject({ verdict: 'diff', mismatchCount: '1' })
  })

  it('is not asked for where nothing is compared', async () => {
    const subject = await open(canaryOfTransactions)
    await subject.books.token('0')
    expect(await subject.run()).toMatchObject({ reasonCode: 'torn-cut', canary: null })
  })

  it('is of another key in every run', async () => {
    const subject = await open(canaryOfTransactions)
    const seen = new Set<string>()
    const { clickhouse } = await throughProxy(subject, line => {
      seen.add(line.split('\t')[0] ?? '')
      return [line]
    })
    for (const runId of ['a', 'b', 'c']) expect(await subject.run({ runId }, clickhouse)).toMatchObject({ canary: 'found' })
    expect(seen.size).toBe(3)
  })
})

const canaryOfTransactions = canarySubjects.find(({ name }) => name === 'transactions-balance') ?? fail()

function fail(): never {
  throw new Error('there is no check called transactions-balance')
}

/** The key of the canary of a run. */
function keyOf(runId: string): string {
  return `recon-canary-${createHash('sha256').update(runId).digest('hex').slice(0, 32)}`
}
