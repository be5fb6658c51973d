import { afterAll, beforeAll, expect, it } from 'vitest'
import { blindSpots } from './support/blind-spots.ts'
import { type Books, openBooks } from './support/books.ts'
import { describeEngines, startTestEngines, type TestEngines } from './support/engines.ts'

describeEngines('as docs/faults.md says,', () => {
  let engines: TestEngines
  beforeAll(async () => {
    engines = await startTestEngines()
  })
  const opened: Books[] = []
  afterAll(() => Promise.all(opened.map(books => books.close())))

  it.concurrent.each(blindSpots)('$check is blind to $fault', async ({ check, seers, write }) => {
    const books = await openBooks(await engines.createStores('blind spot'))
    opened.push(books)
    await write(books)
    const run = await books.checkNamed(check)
    expect({ verdict: run.verdict, reason: run.reason, epoch: run.epoch }).toEqual({
      verdict: 'balanced',
      reason: `all ${run.keysCompared} keys agree`,
      epoch: { dropcopy: '10', cash: '0' },
    })
    for (const seer of seers) expect(await books.checkNamed(seer), seer).toMatchObject({ verdict: 'diff' })
  })
})
