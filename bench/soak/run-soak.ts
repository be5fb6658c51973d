import { Writable } from 'node:stream'
import type { Io } from '../../cli/io.ts'
import type { Clock } from '../../epoch/clock.ts'
import { type Exchange, startExchange } from '../../sim/exchange/exchange.ts'
import { defaultSink } from '../../sim/exchange/exchange-options.ts'
import { purposes, randomAt, seedWords } from '../../sim/exchange/random.ts'
import { startSandbox } from '../../sim/sandbox/sandbox.ts'
import type { StoreUrls } from '../../sim/sandbox/stores.ts'
import { checkOnce, roundRobin } from './check-once.ts'
import { brokenBounds, type CheckedRun, type SoakEvidence, soakBounds } from './judge-soak.ts'
import { keepBusy } from './keep-busy.ts'
import type { SoakOptions } from './options.ts'
import { openPinnedChecks, type PinnedChecks } from './pinned-checks.ts'
import { keepRestarting } from './restarts.ts'
import { soakConfig } from './soak-config.ts'
import { checkedRun, openSoakRecord, type SoakRecord, summarize } from './soak-record.ts'
import { countAtRest, countTransfers, openSoakStores, readFolded } from './soak-stores.ts'

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
const CHECK_INTERVAL_MS = 200
// Somewhat longer than by default: two cores carry the checks as well.
const ENGINE_BATCH_MS = 40
const SINK_BATCH_MS = 120
/** A mark for every position in every cycle: more cycles would be more of the machine than all the checks. */
const MARK_EVERY_EVENTS = 8_000
const EVENTS_PER_TRANSFER = 100
const FAILING_WITHDRAWALS_ONE_IN = 10
/** Withdrawals settle up to five seconds after they are debited. */
const CUSTODIAN = { settleMsMin: 200, settleMsMax: 5_000 }
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
      spec: {
        seed: options.seed,
        accounts: options.accounts,
        openingDeposits: options.accounts,
        eventsPerTransfer: EVENTS_PER_TRANSFER,
        markEveryEvents: MARK_EVERY_EVENTS,
        failingWithdrawalsOneIn: FAILING_WITHDRAWALS_ONE_IN,
      },
      rate: options.eventsPerSecond,
      engine: { batchMs: ENGINE_BATCH_MS },
      sink: { ...defaultSink, batchMs: SINK_BATCH_MS },
      custodian: CUSTODIAN,
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
  const { custodian } = exchange
  if (custodian === undefined) throw new Error('the exchange of a soak has a custodian')
  const failing = new AbortController()
  const signal = AbortSignal.any([caller, failing.signal])
  const fail = (error: unknown) => failing.abort(error)
  exchange.ended.catch(fail)
  const stores = openSoakStores(urls, fail)
  const record = openSoakRecord()
  const checks = await openPinnedChecks(urls, soakConfig(urls, custodian), soakIo(clock, signal, say))
  try {
    say(`the opening deposits of ${options.accounts} accounts`)
    await exchange.caughtUp(AbortSignal.any([signal, AbortSignal.timeout(CATCH_UP_MS)]))
    const opening = exchange.status().cash

    say('one run of each check; for the first of them the custodian lists every opening deposit')
    const opened = await runEach(checks)
    signal.throwIfAborted()

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
    const next = roundRobin(checks.names)
    const tasks = [
      measured,
      keepBusy({ inFlightMax: CHECKS_IN_FLIGHT_MAX, intervalMs: CHECK_INTERVAL_MS }, clock, window, () =>
        checkOnce(next(), { checks, stores, exchange, record, say, eventsPerSecond: options.eventsPerSecond }),
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
    const rested = await runEach(checks)
    const evidence: SoakEvidence = {
      checks: checks.names,
      // The first runs are runs like any other, save that none of them is timed.
      runs: [...opened, ...record.runs.map(checkedRun)],
      eventsPerSecond,
      restarts: record.restarts,
      transfers: await countTransfers(stores, opening),
      final: { runs: rested, ...(await countAtRest(stores)) },
    }
    return { ...summarize(record, evidence), broken: brokenBounds(evidence, soakBounds(options.seconds, options.accounts)) }
  } finally {
    await Promise.all([checks.close(), stores.close()])
  }
}

/** What the runs of `recon check` are given, with whoever watches in the place of stderr. */
function soakIo(clock: Clock, signal: AbortSignal, say: (words: string) => void): Io {
  const told = new Writable({
    write: (chunk, _encoding, done) => {
      say(String(chunk).trim())
      done()
    },
  })
  return { clock, signal, stdin: process.stdin, stdout: told, stderr: told, environment: {}, workingFolder: process.cwd(), color: false }
}

/** Runs every check once, one after the other. */
async function runEach({ names, run }: PinnedChecks): Promise<readonly CheckedRun[]> {
  const runs: CheckedRun[] = []
  for (const name of names) runs.push(checkedRun(await run(name)))
  return runs
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
        `${record.runs.length} runs, ${record.runs.length - balanced} not balanced`,
        `event ${token}, ${published - token} behind the feed`,
        `sink ${published - sink.dropcopy} behind`,
        `${record.restarts.length} restarts`,
        `${record.naive.reduce((sum, differing) => sum + differing, 0)} naive differences`,
      ].join('; '),
    )
  }
}
