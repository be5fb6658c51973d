import type { Clock } from '../../epoch/clock.ts'
import { type Exchange, startExchange } from '../../sim/exchange/exchange.ts'
import { defaultSink } from '../../sim/exchange/exchange-options.ts'
import { purposes, randomAt, seedWords } from '../../sim/exchange/random.ts'
import { startSandbox } from '../../sim/sandbox/sandbox.ts'
import type { StoreUrls } from '../../sim/sandbox/stores.ts'
import { brokenBounds, type SoakEvidence, soakBounds } from './judge-soak.ts'
import { keepBusy } from './keep-busy.ts'
import { compareNaively } from './naive-comparison.ts'
import type { SoakOptions } from './options.ts'
import { openPinnedCheck, type PinnedCheck } from './pinned-check.ts'
import { keepRestarting } from './restarts.ts'
import { checkedRun, openSoakRecord, type SoakRecord, summarize } from './soak-record.ts'
import { countAtRest, countTransfers, openSoakStores, readFolded, readVouched, type SoakStores } from './soak-stores.ts'

/** What a soak works in. */
export interface SoakSurroundings {
  readonly clock: Clock
  readonly signal: AbortSignal
  /** Receives words for whoever watches. */
  readonly say: (words: string) => void
}

/** The figures of a soak, and what it did not hold. */
export interface SoakReport extends ReturnType<typeof summarize> {
  readonly broken: readonly string[]
}

const CHECKS_IN_FLIGHT_MAX = 4
const CHECK_INTERVAL_MS = 250
// Somewhat longer than by default: two cores carry the checks as well.
const ENGINE_BATCH_MS = 40
const SINK_BATCH_MS = 120
const PROGRESS_MS = 5_000
const CATCH_UP_MS = 120_000

/**
 * Runs pinned checks on a live exchange, a naive comparison beside each, while sink and trade-engine are killed and come back; then lets everything come to
 * rest and checks once more. Rejects where something breaks that no bound is about, and with the signal's reason once that has aborted.
 */
export async function runSoak(options: SoakOptions, surroundings: SoakSurroundings): Promise<SoakReport> {
  const { signal, say } = surroundings
  say('starting PostgreSQL and ClickHouse')
  const sandbox = await startSandbox({ signal })
  try {
    const exchange = await startExchange({
      stores: sandbox,
      spec: { seed: options.seed, accounts: options.accounts, openingDeposits: options.accounts },
      rate: options.eventsPerSecond,
      engine: { batchMs: ENGINE_BATCH_MS },
      sink: { ...defaultSink, batchMs: SINK_BATCH_MS },
    })
    try {
      return await soakExchange(exchange, sandbox, options, surroundings)
    } finally {
      await exchange.stop()
    }
  } finally {
    await sandbox.stop()
  }
}

async function soakExchange(
  exchange: Exchange,
  urls: StoreUrls,
  options: SoakOptions,
  { clock, signal: caller, say }: SoakSurroundings,
): Promise<SoakReport> {
  const failing = new AbortController()
  const signal = AbortSignal.any([caller, failing.signal])
  const fail = (error: unknown) => failing.abort(error)
  exchange.ended.catch(fail)
  const stores = openSoakStores(urls, fail)
  const check = openPinnedCheck(urls, signal)
  const record = openSoakRecord()
  try {
    say(`the opening deposits of ${options.accounts} accounts`)
    await exchange.caughtUp(AbortSignal.any([signal, AbortSignal.timeout(CATCH_UP_MS)]))
    const opening = exchange.status().cash

    say(`checking for ${options.seconds} s`)
    const over = new AbortController()
    const window = AbortSignal.any([signal, over.signal])
    // A seed of its own, so that the restarts draw nothing away from the exchange.
    const random = randomAt(seedWords(`restarts of ${options.seed}`), purposes.lag, 0n)
    const fromMs = clock.monotonicMs()
    const from = await readFolded(stores)
    const measured = clock.sleep(options.seconds * 1_000, signal).then(async () => {
      const folded = Number((await readFolded(stores)) - from)
      over.abort()
      return Math.round((folded * 1_000) / (clock.monotonicMs() - fromMs))
    })
    const tasks = [
      measured,
      keepBusy({ inFlightMax: CHECKS_IN_FLIGHT_MAX, intervalMs: CHECK_INTERVAL_MS }, clock, window, () =>
        checkBesideNaive(check, stores, exchange, options.eventsPerSecond, record, say),
      ),
      keepRestarting(exchange, random, clock, window, restart => {
        record.restarts.push(restart)
        say(`killed the ${restart.role} (${restart.killed}); back after ${restart.outageMs} ms`)
      }),
      keepTelling(exchange, record, clock, window, fromMs, say),
    ]
    // One that fails ends the others, and all have ended before the stores go from under them.
    await Promise.all(tasks.map(task => task.catch(fail)))
    signal.throwIfAborted()
    const eventsPerSecond = await measured

    say('letting everything come to rest')
    await exchange.pause('feed')
    await exchange.caughtUp(AbortSignal.any([signal, AbortSignal.timeout(CATCH_UP_MS)]))
    const evidence: SoakEvidence = {
      runs: record.runs.map(checkedRun),
      eventsPerSecond,
      restarts: record.restarts,
      transfers: await countTransfers(stores, opening),
      final: { run: checkedRun(await check.run(() => undefined)), ...(await countAtRest(stores)) },
    }
    return { ...summarize(record, evidence), broken: brokenBounds(evidence, soakBounds(options.seconds, options.accounts)) }
  } finally {
    await Promise.all([check.close(), stores.close()])
  }
}

/** One pinned check, the naive comparison that begins with it, and the sink's lag at its captures. */
async function checkBesideNaive(
  check: PinnedCheck,
  stores: SoakStores,
  exchange: Exchange,
  eventsPerSecond: number,
  record: SoakRecord,
  say: (words: string) => void,
): Promise<void> {
  const lags: Promise<unknown>[] = []
  const [run, differing] = await Promise.all([
    check.run(({ dropcopy = 0n }) => {
      const { published } = exchange.status()
      lags.push(
        readVouched(stores).then(vouched => {
          const ms = Math.round((Number(published - vouched) * 1_000) / eventsPerSecond)
          record.lags.push({ events: Math.max(0, Number(dropcopy - vouched)), ms: Math.max(0, ms) })
        }),
      )
    }),
    compareNaively(stores.postgres, stores.clickhouse),
  ])
  await Promise.all(lags)
  record.runs.push(run)
  record.naive.push(differing)
  if (run.verdict !== 'balanced') say(JSON.stringify(run))
}

async function keepTelling(
  exchange: Exchange,
  record: SoakRecord,
  clock: Clock,
  signal: AbortSignal,
  fromMs: number,
  say: (words: string) => void,
): Promise<void> {
  while (!signal.aborted) {
    await clock.sleep(PROGRESS_MS, signal).catch(error => {
      if (!signal.aborted) throw error
    })
    const { published, token, sink } = exchange.status()
    const balanced = record.runs.filter(run => run.verdict === 'balanced').length
    say(
      [
        `${Math.round((clock.monotonicMs() - fromMs) / 1_000)} s`,
        `${record.runs.length} checks, ${record.runs.length - balanced} not balanced`,
        `event ${token}, ${published - token} behind the feed`,
        `sink ${published - sink.dropcopy} behind`,
        `${record.restarts.length} restarts`,
        `${record.naive.reduce((sum, differing) => sum + differing, 0)} naive differences`,
      ].join('; '),
    )
  }
}
