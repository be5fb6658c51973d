import fc from 'fast-check'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { Run } from '../../checks/run.ts'
import { runRelation } from '../../checks/run-relation.ts'
import { arbitraryHistory } from '../../sim/testing/arbitrary-history.ts'
import type { ExchangeHistory } from '../../sim/testing/exchange-history.ts'
import { parameters } from '../../sim/testing/parameters.ts'
import { type Playing, playHistory } from '../../sim/testing/play-history.ts'
import { virtualClock } from '../../sim/testing/virtual-clock.ts'
import { type Books, openBooks } from '../support/books.ts'
import { describeEngines, startTestEngines } from '../support/engines.ts'

const PATIENCE = { captureTimeoutMs: 30, horizonTimeoutMs: 30, timeoutMs: 20_000, maxMismatches: 100 }

/** Plays a history up to a moment, leaves everything as it is then, and checks it. */
async function checkInMemory(history: ExchangeHistory, stopAtMs: number): Promise<{ readonly run: Run; readonly playing: Playing }> {
  const clock = virtualClock()
  const stop = new AbortController()
  return clock.drive(async () => {
    const playing = playHistory(history, { clock, signal: stop.signal })
    playing.finished.catch(() => undefined)
    await clock.sleep(stopAtMs, new AbortController().signal)
    stop.abort(new Error('stopped here'))
    const run = await runRelation(playing.relation, { runId: 'memory', clock, signal: new AbortController().signal, ...PATIENCE })
    return { run, playing }
  })
}

/** Writes into the real stores what stands in those in memory. */
async function copyInto(books: Books, { state, history }: Playing): Promise<void> {
  await books.pg.query('truncate accounts.balances, accounts.transfers, trade_engine.resume_tokens')
  for (const table of ['transactions', 'sink_watermarks']) await books.command(`truncate table ${table}`)
  await books.token(state.sequence('dropcopy').toString())
  if (state.sequence('cash') > 0n) {
    await books.pg.query(`insert into accounts.transfers values ('t', $1, 'A', 'USD', 'deposit', 1, 'r', now())`, [
      state.sequence('cash').toString(),
    ])
  }
  for (const { row, stamps } of state.rows) {
    const stamp = (stream: string) => (stamps[stream] ?? 0n).toString()
    await books.balance(String(row['account_id']), String(row['asset']), String(row['balance']), stamp('dropcopy'), stamp('cash'))
  }
  const rows = history.facts.map(({ stream, sequence, id, row }) => ({
    stream,
    sequence: sequence.toString(),
    transaction_id: id,
    account_id: String(row['account_id']),
    asset: String(row['asset']),
    amount: String(row['balance']),
  }))
  if (rows.length > 0) await books.transactions(rows)
  for (const { stream, sequence, rowsTotal } of history.watermarks) await books.watermark(stream, sequence.toString(), rowsTotal.toString())
}

/** What of a run does not depend on how long things take. */
function evidence({ verdict, reasonCode, epoch, keysCompared, mismatchCount, mismatches, horizon, capture, conflicts }: Run) {
  return {
    verdict,
    reasonCode,
    epoch,
    keysCompared,
    mismatchCount,
    mismatches,
    legs: horizon.legs,
    stamps: capture.stamps,
    rows: capture.rows,
    conflicts,
  }
}

describeEngines('the stores in memory', () => {
  let books: Books

  beforeAll(async () => {
    books = await openBooks(await (await startTestEngines()).createStores('memory_against_real'))
  })
  afterAll(() => books.close())

  it('show a check exactly what PostgreSQL and ClickHouse show it, whatever state an exchange was left in', async () => {
    const verdicts = new Set<string>()
    await fc.assert(
      fc.asyncProperty(arbitraryHistory({ faults: 2 }), fc.nat(400), async (history, stopAtMs) => {
        const { run, playing } = await checkInMemory(history, stopAtMs)
        await copyInto(books, playing)
        expect(evidence(await books.check(PATIENCE))).toEqual(evidence(run))
        verdicts.add(run.verdict)
      }),
      parameters({ numRuns: 30, interruptAfterTimeLimit: 25_000 }),
    )
    expect(verdicts.size).toBeGreaterThan(1)
  })
})
