import { Writable } from 'node:stream'
import type { Clock } from '../../epoch/clock.ts'
import { ReconError } from '../../epoch/recon-error.ts'
import { type Exchange, startExchange } from '../../sim/exchange/exchange.ts'
import { type Sandbox, startSandbox } from '../../sim/sandbox/sandbox.ts'
import { formatRun } from '../check/format-run.ts'
import { openRecorder } from '../check/recorder.ts'
import { EXIT } from '../exit-status.ts'
import { Interrupted } from '../interrupted.ts'
import { type Io, printLine, say } from '../io.ts'
import { demoConfig, shownChecks, unpinnedConfig } from './demo-config.ts'
import { grouped, shortDuration } from './figures.ts'
import { introLines } from './intro.ts'
import { wrapWords } from './line.ts'
import { liveScreen } from './live-screen.ts'
import { tellLeftOut } from './narrate.ts'
import { openPace, type Pace } from './pace.ts'
import { plainScreen } from './plain-screen.ts'
import type { Screen } from './screen.ts'
import { summaryLines } from './tally.ts'
import { type Ending, tellStory } from './tell-story.ts'
import { terminalSize } from './terminal-size.ts'

/** What `recon demo` was asked for. */
export interface DemoOptions {
  /** How long it runs once everything is up; until Ctrl-C unless given. */
  readonly seconds?: number
}

const MARKET = {
  accounts: 10_000,
  openingDeposits: 10_000,
  eventsPerTransfer: 50,
  markEveryEvents: 4_000,
  failingWithdrawalsOneIn: 10,
  seed: 'demo',
}
/** One vault, under the name that is asked for where nothing else is configured. */
const CUSTODIAN = { vaults: ['vault-1'] }
const RATE = 1_500
const OPENING_MS = 120_000
const TICK_MS = 250
const LOG_LINES = 20

/**
 * `recon demo`: engines, a running exchange, and all checks of it every two seconds, with a fault planted, found and repaired. Resolves to
 * the exit status: 0, also when a signal or a reader that left ends it; 1 where a check said what is not so or a process died; 11 where the checks
 * could not be made in time. Throws `ReconError` where the engines cannot be started.
 */
export async function demoCommand({ seconds }: DemoOptions, io: Io): Promise<number> {
  const ending = new AbortController()
  const signal = AbortSignal.any([io.signal, ending.signal])
  const lastsMs = seconds === undefined ? undefined : seconds * 1_000
  const fail = (error: Error) => ending.abort(error)
  const readerLeft = () => ending.abort(new ReaderLeft())
  io.stdout.on('error', readerLeft)
  io.stdout.on('close', readerLeft)
  try {
    return await withSandbox(io, signal, fail, sandbox =>
      withExchange(sandbox, io, signal, fail, exchange => show(sandbox, exchange, lastsMs, { ...io, signal })),
    )
  } catch (error) {
    // What an abort breaks off says so in one of these two ways; anything else is a bug that happened to come at the same time.
    if (!signal.aborted || !(error === signal.reason || error instanceof ReconError)) throw error
    if (signal.reason instanceof Interrupted || signal.reason instanceof ReaderLeft) return EXIT.ok
    if (!(signal.reason instanceof ReconError)) throw signal.reason
    say(io, signal.reason.message)
    return EXIT.bug
  } finally {
    io.stdout.off('error', readerLeft)
    io.stdout.off('close', readerLeft)
  }
}

/** Whoever read our output has seen enough, such as head. */
class ReaderLeft extends ReconError {
  constructor() {
    super('reader-left', 'nobody reads the output any more')
    this.name = 'ReaderLeft'
  }
}

async function withSandbox<T>(
  io: Io,
  signal: AbortSignal,
  fail: (error: Error) => void,
  work: (sandbox: Sandbox) => Promise<T>,
): Promise<T> {
  const log: string[] = []
  const sandbox = await step(io, 'starting PostgreSQL and ClickHouse', () =>
    startSandbox({ signal, log: line => log.splice(0, log.length, ...log.slice(1 - LOG_LINES), line) }),
  )
  sandbox
    .ended()
    .then(how => fail(new ReconError('engine-lost', `${how}, and nobody asked it to. Its last lines:\n${log.join('\n')}`)), fail)
  try {
    return await work(sandbox)
  } finally {
    await step(io, 'stopping PostgreSQL and ClickHouse', () => sandbox.stop())
  }
}

async function withExchange<T>(
  sandbox: Sandbox,
  io: Io,
  signal: AbortSignal,
  fail: (error: Error) => void,
  work: (exchange: Exchange) => Promise<T>,
): Promise<T> {
  const exchange = await step(io, 'starting the exchange: trade-engine, cash writer, sink and custodian', () =>
    startExchange({ stores: sandbox, spec: MARKET, rate: RATE, custodian: CUSTODIAN }),
  )
  exchange.ended.catch(fail)
  try {
    // Until its opening deposits are in both stores there is little to compare.
    await step(io, `opening ${grouped(MARKET.accounts)} accounts`, () =>
      exchange.caughtUp(AbortSignal.any([signal, AbortSignal.timeout(OPENING_MS)])),
    )
    return await work(exchange)
  } finally {
    await step(io, 'stopping the exchange', () => exchange.stop())
  }
}

async function show(sandbox: Sandbox, exchange: Exchange, lastsMs: number | undefined, io: Io): Promise<number> {
  const config = demoConfig(sandbox, exchange.custodian)
  const shown = shownChecks(config)
  const checks = shown.flatMap(({ name, leftOut }) => (leftOut === undefined ? [name] : []))
  for (const line of introLines(sandbox, { accounts: MARKET.accounts, rate: RATE, checks, custodian: exchange.custodian }))
    printLine(io, line)
  const screen = io.color
    ? liveScreen(io.stdout, io.clock, shown, lastsMs)
    : plainScreen(line => printLine(io, line), io.clock, terminalSize(io.stdout).columns)
  if (!io.color) for (const { name, leftOut } of shown) if (leftOut !== undefined) screen.tell('doubt', tellLeftOut(name, leftOut))
  const pace = openPace(exchange, RATE, () => io.clock.monotonicMs())
  const over = new AbortController()
  const ticking = tick(screen, pace, io.clock, AbortSignal.any([io.signal, over.signal]))
  // What is said on stderr would spoil a picture that is redrawn in place.
  const quiet = io.color ? { ...io, stderr: telling(screen) } : io
  const recorder = await openRecorder(config, quiet)
  let ending: Ending
  try {
    const surroundings = { checks, urls: sandbox, config, unpinned: unpinnedConfig(sandbox), recorder, pace, io: quiet }
    ending = await tellStory({ exchange, surroundings, screen, lastsMs })
  } finally {
    await recorder.close()
    over.abort()
    await ticking
    screen.close()
  }
  if (io.signal.aborted && !(io.signal.reason instanceof Interrupted)) throw io.signal.reason
  return conclude(ending, io)
}

/** Prints the summary, and says with which status such an ending ends. */
function conclude(ending: Ending, io: Io): number {
  const { tally, ranMs, wrong, told } = ending
  if (wrong !== undefined) printLine(io, formatRun(wrong.run, io.color))
  printLine(io, '')
  const { columns } = terminalSize(io.stdout)
  for (const line of summaryLines(tally, ranMs).flatMap(text => wrapWords(text, columns, '  '))) printLine(io, line)
  if (wrong !== undefined) return EXIT.bug
  if (told || io.signal.aborted) return EXIT.ok
  say(io, 'the story could not be told to its end: too many checks were inconclusive, or this machine is too slow for it')
  return EXIT.inconclusive
}

/** Takes the pulse of the exchange several times a second until it is told to end. */
async function tick(screen: Screen, pace: () => Pace, clock: Clock, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    screen.tick(pace())
    await clock.sleep(TICK_MS, signal).catch(error => {
      // What an abort breaks off says so in one of these two ways; anything else is a bug that happened to come at the same time.
      if (!signal.aborted || !(error === signal.reason || error instanceof ReconError)) throw error
    })
  }
}

/** A stream whose lines are told on the screen. */
function telling(screen: Screen): Writable {
  return new Writable({
    write: (chunk, _encoding, done) => {
      screen.tell('doubt', String(chunk).trim())
      done()
    },
  })
}

/** Says on stderr what takes a while, and how long it took. */
async function step<T>(io: Io, what: string, work: () => Promise<T>): Promise<T> {
  const beganMs = io.clock.monotonicMs()
  io.stderr.write(`${what} ... `)
  try {
    const result = await work()
    io.stderr.write(`${shortDuration(io.clock.monotonicMs() - beganMs)}\n`)
    return result
  } catch (error) {
    io.stderr.write('not done\n')
    throw error
  }
}
