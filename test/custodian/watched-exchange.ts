import { randomUUID } from 'node:crypto'
import type { CustodySource } from '../../checks/omnibus/custody-source.ts'
import { omnibusBalancesSquare } from '../../checks/omnibus-balances-square.ts'
import type { Run } from '../../checks/run.ts'
import { type RunOptions, runCheck } from '../../checks/run-check.ts'
import type { ExchangeCustodian } from '../../sim/custodian/exchange-custodian.ts'
import { type Exchange, startExchange } from '../../sim/exchange/exchange.ts'
import type { ExchangeOptions } from '../../sim/exchange/exchange-options.ts'
import { anchorageCustodian } from '../../stores/custodian/anchorage.ts'
import { systemClock } from '../../stores/system-clock.ts'
import { openBooks } from '../support/books.ts'
import type { TestEngines } from '../support/engines.ts'

/** A simulated exchange with its custodian, and omnibus-balances-square over both. */
export interface WatchedExchange {
  readonly exchange: Exchange
  readonly custodian: ExchangeCustodian
  readonly check: (custody?: Partial<CustodySource> & { readonly inFlightLimitMs?: number }, options?: Partial<RunOptions>) => Promise<Run>
  /** Resolves when everything is in the stores and nothing is on its way. */
  readonly settled: () => Promise<void>
  readonly reconUrl: string
}

const WAIT_MS = 60_000
const HOUR_MS = 3_600_000

/** Runs an exchange with a custodian on fresh stores, and ends both. */
export async function withWatchedExchange(
  engines: TestEngines,
  options: Omit<ExchangeOptions, 'stores'>,
  work: (watched: WatchedExchange) => Promise<void>,
): Promise<void> {
  const books = await openBooks(await engines.createStores('watched'))
  let exchange: Exchange | undefined
  try {
    exchange = await startExchange({ stores: books.stores, custodian: {}, ...options })
    const { custodian, caughtUp } = exchange
    if (custodian === undefined) throw new Error('the exchange has no custodian')
    const { url, apiKey, vaults } = custodian
    const adapter = anchorageCustodian({ name: 'custodian', url, apiKey, vaults, requestTimeoutMs: 2_000 })
    const check: WatchedExchange['check'] = ({ inFlightLimitMs = HOUR_MS, ...custody } = {}, change = {}) =>
      runCheck(
        omnibusBalancesSquare(books.sources(), {
          custodian: adapter,
          terms: { opening: {}, classification: {}, inFlightLimitMs },
          inconsistentLimitMs: HOUR_MS,
          ...custody,
        }),
        {
          runId: randomUUID(),
          clock: systemClock,
          signal: new AbortController().signal,
          timeoutMs: 40_000,
          captureTimeoutMs: 5_000,
          horizonTimeoutMs: 20_000,
          maxMismatches: 100,
          ...change,
        },
      )
    const settled = async () => {
      await caughtUp(AbortSignal.timeout(WAIT_MS))
      await custodian.caughtUp(AbortSignal.timeout(WAIT_MS))
      custodian.settleAll()
    }
    await work({ exchange, custodian, check, settled, reconUrl: books.stores.reconUrl })
    await adapter.close()
  } finally {
    await exchange?.stop()
    await books.close()
  }
}
