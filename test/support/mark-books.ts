import { randomUUID } from 'node:crypto'
import { createClient } from '@clickhouse/client'
import type { CheckSources } from '../../checks/check-sources.ts'
import { pnlIsZeroSum } from '../../checks/pnl-is-zero-sum.ts'
import type { Run } from '../../checks/run.ts'
import { type RunOptions, runCheck } from '../../checks/run-check.ts'
import { systemClock } from '../../stores/system-clock.ts'
import { type Books, openBooks } from './books.ts'
import type { TestEngines } from './engines.ts'

/** A row of ax.pnl_marks. */
export interface MarkRow {
  readonly mark_cycle: string
  readonly stream: string
  readonly sequence: string
  readonly account_id: string
  readonly symbol: string
  readonly asset: string
  readonly mark_price: string
  readonly realized_pnl: string
  readonly unrealized_pnl: string
  readonly marked_at: string
}

/** Books in which positions are marked. */
export interface MarkBooks extends Books {
  marks(rows: readonly MarkRow[]): Promise<void>
  /** Says that there are so many marks up to a cycle. */
  vouch(cycle: string, rowsTotal: string): Promise<void>
  zeroSum(options?: Partial<RunOptions>, change?: Partial<CheckSources>): Promise<Run>
}

/** The account names of the books: one of them with what stores escape in it. */
export const [A, B] = ['tab\there \\ "and" \u{1f980}', 'B'] as const

/**
 * Two accounts that trade GOLD and OIL with each other, folded to dropcopy 15 and marked twice: cycle 2 at dropcopy 6 (one symbol, two marks) and cycle 3 at
 * dropcopy 10 (four marks). What happened after 10 is in the stores as well.
 */
export async function openMarkBooks(engines: TestEngines, name: string): Promise<MarkBooks> {
  const books = await openBooks(await engines.createStores(name))
  const writer = createClient({ url: books.stores.clickhouseUrl })
  const marks = async (values: readonly MarkRow[]) => {
    await writer.insert({ table: 'pnl_marks', values, format: 'JSONEachRow' })
  }
  const vouch = (cycle: string, rowsTotal: string) => books.watermark('mark_cycle', cycle, rowsTotal, 'pnl_marks')
  await books.positions([
    position('5', A, 'GOLD', '10', '100', '0'),
    position('6', B, 'GOLD', '-10', '-100', '0'),
    position('7', A, 'GOLD', '6', '60', '8.5'),
    position('8', B, 'GOLD', '-6', '-60', '-8.5'),
    position('9', A, 'OIL', '-0.000000003', '-0.000000000000000021', '0'),
    position('10', B, 'OIL', '0.000000003', '0.000000000000000021', '0'),
    position('14', A, 'GOLD', '0', '0', '11'),
    position('15', B, 'GOLD', '0', '0', '-11'),
  ])
  await books.transactions([
    realized('7', A, 'GOLD', '8.5'),
    realized('8', B, 'GOLD', '-8.5'),
    realized('9', A, 'OIL', '0'),
    realized('14', A, 'GOLD', '2.5'),
    realized('15', B, 'GOLD', '-2.5'),
    { sequence: '7', transaction_id: 'fee', account_id: A, symbol: 'GOLD', amount: '-1' },
    { stream: 'cash', sequence: '1', transaction_id: 'deposit', account_id: A, kind: 'deposit', amount: '1000' },
  ])
  await books.watermark('dropcopy', '10', '6', 'positions')
  await books.watermark('dropcopy', '15', '8', 'positions')
  await books.watermark('dropcopy', '10', '4')
  await books.watermark('dropcopy', '15', '6')
  await books.watermark('cash', '1', '1')
  await books.token('15')
  await marks(EARLIER)
  await vouch('2', '2')
  return {
    ...books,
    marks,
    vouch,
    zeroSum: (options = {}, change = {}) =>
      runCheck(pnlIsZeroSum(books.sources(change)), {
        runId: randomUUID(),
        clock: systemClock,
        signal: new AbortController().signal,
        timeoutMs: 20_000,
        captureTimeoutMs: 500,
        horizonTimeoutMs: 500,
        maxMismatches: 100,
        ...options,
      }),
    close: async () => {
      await writer.close()
      await books.close()
    },
  }
}

/** A mark of cycle 3 unless told otherwise. */
export function mark(
  account_id: string,
  symbol: string,
  [mark_price, realized_pnl, unrealized_pnl]: readonly [string, string, string],
  change: Partial<MarkRow> = {},
): MarkRow {
  return {
    mark_cycle: '3',
    stream: 'dropcopy',
    sequence: '10',
    account_id,
    symbol,
    asset: 'USD',
    mark_price,
    realized_pnl,
    unrealized_pnl,
    marked_at: '2026-11-24 00:00:00.000000',
    ...change,
  }
}

const EARLIER = [
  mark(A, 'GOLD', ['11', '0', '10'], { mark_cycle: '2', sequence: '6' }),
  mark(B, 'GOLD', ['11', '0', '-10'], { mark_cycle: '2', sequence: '6' }),
]

/** The right marks of cycle 3, by what they are of. */
export const RIGHT = {
  goldOfA: mark(A, 'GOLD', ['12.5', '8.5', '15']),
  goldOfB: mark(B, 'GOLD', ['12.5', '-8.5', '-15']),
  oilOfA: mark(A, 'OIL', ['0.000000001', '0', '0.000000000000000018']),
  oilOfB: mark(B, 'OIL', ['0.000000001', '0', '-0.000000000000000018']),
} as const

function position(sequence: string, account_id: string, symbol: string, quantity: string, cost_basis: string, realized_pnl: string) {
  return { sequence, execution_id: `E${sequence}`, account_id, symbol, asset: 'USD', quantity, cost_basis, realized_pnl }
}

function realized(sequence: string, account_id: string, symbol: string, amount: string) {
  return { sequence, transaction_id: `E${sequence}:realized_pnl`, account_id, symbol, kind: 'realized_pnl', amount }
}
