import { randomUUID } from 'node:crypto'
import type { CustodySource } from '../../checks/omnibus/custody-source.ts'
import { omnibusBalancesSquare } from '../../checks/omnibus-balances-square.ts'
import type { Run } from '../../checks/run.ts'
import { type RunOptions, runCheck } from '../../checks/run-check.ts'
import { type SimCustodian, startCustodian } from '../../sim/custodian/custodian.ts'
import type { CustodianOptions } from '../../sim/custodian/options.ts'
import { anchorageCustodian } from '../../stores/custodian/anchorage.ts'
import type { Custodian } from '../../stores/custodian/custodian.ts'
import type { SettledHistory } from '../../stores/state/settled-history.ts'
import { systemClock } from '../../stores/system-clock.ts'
import { type Books, openBooks } from '../support/books.ts'
import type { TestEngines } from '../support/engines.ts'

/** One row of the cash stream, as a test books it. */
export interface Booking {
  readonly id: string
  readonly direction: 'deposit' | 'withdrawal'
  readonly amount: string
  readonly reference: string
  readonly asset?: string
  readonly createdAtMs?: number
}

/** A custodian and books of one account, which a test writes by hand, and the check over both. */
export interface CustodyBooks {
  readonly custodian: SimCustodian
  readonly books: Books
  readonly adapter: Custodian
  /** Books a transfer: its row and its balance in one transaction, its transaction in ClickHouse, and the watermark. */
  book(booking: Booking): Promise<void>
  /** Moves realized PnL into a balance, in both stores. */
  realize(asset: string, amount: string): Promise<void>
  check(change?: Partial<RunOptions>, custody?: Partial<CustodySource>): Promise<Run>
  close(): Promise<void>
}

const HOUR_MS = 3_600_000

/** Starts a custodian that holds nothing, and opens empty books. */
export async function openCustodyBooks(
  engines: TestEngines,
  memory?: SettledHistory,
  options: CustodianOptions = {},
): Promise<CustodyBooks> {
  const custodian = await startCustodian({ latencyMsMin: 0, latencyMsMax: 0, settleMsMin: 0, settleMsMax: 0, feeOneIn: 0, ...options })
  const books = await openBooks(await engines.createStores('omnibus'))
  const adapter = anchorageCustodian({
    name: 'custodian',
    url: custodian.url,
    apiKey: custodian.apiKey,
    vaults: custodian.vaults,
    requestTimeoutMs: 2_000,
  })
  const sequences = { cash: 0, dropcopy: 0 }
  const transaction = async (
    stream: keyof typeof sequences,
    row: { readonly id: string; readonly asset: string; readonly amount: string; readonly kind: string },
  ) => {
    const sequence = String(sequences[stream])
    await books.transactions([
      { stream, sequence, transaction_id: row.id, account_id: 'A', asset: row.asset, kind: row.kind, amount: row.amount },
    ])
    await books.watermark(stream, sequence, sequence)
  }
  const addBalance = async (asset: string, amount: string, stamp: 'cash_sequence' | 'dropcopy_sequence', sequence: number) => {
    await books.pg.query(
      `insert into accounts.balances as b (account_id, asset, balance, ${stamp}) values ('A', $1, $2, $3)
      on conflict (account_id, asset) do update set balance = b.balance + excluded.balance, ${stamp} = excluded.${stamp}`,
      [asset, amount, sequence],
    )
  }
  return {
    custodian,
    books,
    adapter,
    book: async ({ id, direction, amount, reference, asset = 'USD', createdAtMs = Date.now() }) => {
      sequences.cash++
      const signed = direction === 'deposit' ? amount : `-${amount}`
      await books.pg.query('begin')
      await books.pg.query('insert into accounts.transfers values ($1, $2, $3, $4, $5, $6, $7, to_timestamp($8::numeric / 1000))', [
        id,
        sequences.cash,
        'A',
        asset,
        direction,
        amount,
        reference,
        createdAtMs,
      ])
      await addBalance(asset, signed, 'cash_sequence', sequences.cash)
      await books.pg.query('commit')
      await transaction('cash', { id, asset, amount: signed, kind: direction })
    },
    realize: async (asset, amount) => {
      sequences.dropcopy++
      await addBalance(asset, amount, 'dropcopy_sequence', sequences.dropcopy)
      await books.token(String(sequences.dropcopy))
      await transaction('dropcopy', { id: `pnl-${sequences.dropcopy}`, asset, amount, kind: 'realized_pnl' })
    },
    check: (change = {}, custody = {}) =>
      runCheck(
        omnibusBalancesSquare(books.sources(), {
          custodian: adapter,
          terms: { opening: {}, classification: { STAKING_REWARD: 'in' }, inFlightLimitMs: HOUR_MS },
          inconsistentLimitMs: HOUR_MS,
          ...(memory ? { memory } : {}),
          ...custody,
        }),
        {
          runId: randomUUID(),
          clock: systemClock,
          signal: new AbortController().signal,
          timeoutMs: 20_000,
          captureTimeoutMs: 500,
          horizonTimeoutMs: 1_000,
          maxMismatches: 100,
          ...change,
        },
      ),
    close: async () => {
      await Promise.all([custodian.stop(), adapter.close(), books.close()])
    },
  }
}
