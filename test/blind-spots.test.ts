import { afterAll, beforeAll, expect, it } from 'vitest'
import { blindSpots } from './support/blind-spots.ts'
import { type Books, openBooks } from './support/books.ts'
import { describeEngines, startTestEngines, type TestEngines } from './support/engines.ts'

describeEngines('transactions-balance is blind, as docs/faults.md says, to', () => {
  let engines: TestEngines
  beforeAll(async () => {
    engines = await startTestEngines()
  })
  const opened: Books[] = []
  afterAll(() => Promise.all(opened.map(books => books.close())))

  it.concurrent.each(blindSpots)('$fault', async ({ write }) => {
    const books = await openBooks(await engines.createStores('blind spot'))
    opened.push(books)
    await write(books)
    const run = await books.check()
    expect({ verdict: run.verdict, reason: run.reason, epoch: run.epoch }).toEqual({
      verdict: 'balanced',
      reason: `all ${run.keysCompared} keys agree`,
      epoch: { dropcopy: '10', cash: '0' },
    })
  })
})
