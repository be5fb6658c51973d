import { ReconError } from '../epoch/recon-error.ts'
import { type Exchange, startExchange } from '../sim/exchange/exchange.ts'
import type { FaultOrder } from '../sim/exchange/exchange-options.ts'
import { defaultMarketSpec } from '../sim/exchange/market.ts'
import { type FaultName, faultCatalogue, faultNamed, findFault } from '../sim/faults/catalogue.ts'
import type { PlantedFault } from '../sim/faults/planted-fault.ts'
import { Interrupted, signalStatus } from './interrupted.ts'
import { nearest } from './nearest.ts'

/** What `recon sim` was asked for. */
export interface SimCommandOptions {
  /** How many dropcopy events more, from 1. */
  readonly events: number | bigint
  /** Events a second; as fast as the stores take them unless given. */
  readonly rate?: number
  readonly seed?: string | number
  readonly accounts?: number
  /** `NAME` or `NAME@EVENT`, one or several. */
  readonly fault?: string | readonly string[]
  readonly json?: boolean
}

/** What the command talks to. `signal` is aborted by SIGTERM and SIGINT. */
export interface SimCommandIo {
  readonly stdout: NodeJS.WritableStream
  readonly stderr: NodeJS.WritableStream
  readonly signal: AbortSignal
  readonly urls: {
    readonly postgresUrl?: string | undefined
    readonly shadowPostgresUrl?: string | undefined
    readonly clickhouseUrl?: string | undefined
  }
}

const refusals = ['not-a-sandbox', 'store-unreachable', 'another-exchange', 'fault-beyond-the-end']

/**
 * `recon sim`: drives the simulated exchange until all its events are in both stores, or as far as the planted faults let them, and prints one JSON line: how
 * far it came, and what was planted. Resolves to the exit status: 0; 2 for stores that no sandbox made, an unknown fault, or figures out of range; 1 where a
 * process of the exchange failed; 130 or 143 where a signal ended it.
 */
export async function simCommand(options: SimCommandOptions, io: SimCommandIo): Promise<number> {
  const faults = parseFaults(options.fault)
  const { postgresUrl, clickhouseUrl } = io.urls
  const wrong = [...faults.wrong, ...outOfRange(options)]
  if (postgresUrl === undefined) wrong.push('RECON_POSTGRES_URL is not set: start `recon sandbox` and use the postgresUrl that it prints')
  if (clickhouseUrl === undefined)
    wrong.push('RECON_CLICKHOUSE_URL is not set: start `recon sandbox` and use the clickhouseUrl that it prints')
  if (wrong.length > 0 || postgresUrl === undefined || clickhouseUrl === undefined) return refuse(io, wrong)

  const spec = { ...defaultMarketSpec, ...seeded(options), ...(options.accounts === undefined ? {} : { accounts: options.accounts }) }
  const startedMs = performance.now()
  let exchange: Exchange | undefined
  try {
    const events = BigInt(options.events)
    exchange = await startExchange({
      stores: { postgresUrl, clickhouseUrl },
      spec,
      rate: options.rate ?? Number.POSITIVE_INFINITY,
      events,
      faults: faults.orders,
    })
    const from = (exchange.status().lastEvent ?? events) - events
    const endProgress = showProgress(exchange, from, events, io)
    await exchange.caughtUp(io.signal).finally(endProgress)
    const seconds = (performance.now() - startedMs) / 1000
    const status = exchange.status()
    const summary = {
      schema: 'recon.sim/1',
      seed: spec.seed,
      accounts: spec.accounts,
      events: events.toString(),
      dropcopy: { published: status.published.toString(), engine: status.token.toString(), sink: status.sink.dropcopy.toString() },
      cash: { written: status.cash.toString(), sink: status.sink.cash.toString() },
      seconds: Number(seconds.toFixed(3)),
      eventsPerSecond: Math.round(Number(events) / seconds),
      planted: exchange.planted().map(describePlanted),
    }
    io.stdout.write(`${JSON.stringify(summary)}\n`)
    return 0
  } catch (error) {
    if (io.signal.aborted) return io.signal.reason instanceof Interrupted ? signalStatus(io.signal.reason.signalName) : 0
    if (!(error instanceof ReconError)) throw error
    if (refusals.includes(error.code)) return refuse(io, [error.message])
    io.stderr.write(`recon sim: ${error.message}\n`)
    return 1
  } finally {
    await exchange?.stop()
  }
}

interface ParsedFaults {
  readonly orders: readonly FaultOrder[]
  readonly wrong: string[]
}

function parseFaults(given: SimCommandOptions['fault']): ParsedFaults {
  const orders: FaultOrder[] = []
  const wrong: string[] = []
  for (const text of given === undefined ? [] : [given].flat()) {
    const [, name = '', event] = /^([^@]*)(?:@(.*))?$/s.exec(text) ?? []
    const fault = findFault(name)
    if (fault === undefined) wrong.push(unknownFault(name))
    if (event !== undefined && !/^[1-9]\d{0,17}$/.test(event))
      wrong.push(`${JSON.stringify(text)}: what follows the @ is the number of a dropcopy event, from 1`)
    else if (fault !== undefined) orders.push({ name: fault.name, ...(event === undefined ? {} : { event: BigInt(event) }) })
  }
  return { orders, wrong }
}

function unknownFault(name: string): string {
  const names: readonly FaultName[] = faultCatalogue.map(fault => fault.name)
  const best = nearest(name, names)
  const width = Math.max(...names.map(known => known.length))
  const list = faultCatalogue.map(fault => `  ${fault.name.padEnd(width)}  ${fault.summary}`).join('\n')
  return `no fault is called ${JSON.stringify(name)}${best === undefined ? '' : `; did you mean "${best}"?`} The faults are:\n${list}`
}

function outOfRange({ events, rate, accounts }: SimCommandOptions): string[] {
  const wrong: string[] = []
  if ((typeof events === 'number' && !Number.isSafeInteger(events)) || events < 1)
    wrong.push(`--events is ${events}, and must be a whole number from 1`)
  if (rate !== undefined && !(rate > 0)) wrong.push(`--rate is ${rate}, and must be above 0`)
  if (accounts !== undefined && !(Number.isInteger(accounts) && accounts >= 2 && accounts <= 1_000_000))
    wrong.push(`--accounts is ${accounts}, and must be a whole number from 2 to 1000000`)
  return wrong
}

function seeded({ seed }: SimCommandOptions): { seed?: string } {
  return seed === undefined ? {} : { seed: String(seed) }
}

function refuse(io: SimCommandIo, reasons: readonly string[]): number {
  for (const reason of reasons) io.stderr.write(`recon sim: ${reason}\n`)
  return 2
}

/** A planted fault as the summary has it, with what transactions-balance must say of it. */
function describePlanted({ fault, event, keys, transactionIds }: PlantedFault) {
  return { fault, event: event.toString(), keys, transactionIds, expect: faultNamed(fault).expect }
}

/** On a terminal, one line that is kept up to date; the result takes it away. */
function showProgress(exchange: Exchange, from: bigint, events: bigint, io: SimCommandIo): () => void {
  if (!('isTTY' in io.stderr) || io.stderr.isTTY !== true) return () => undefined
  const clear = '\r\u001b[K'
  const timer = setInterval(() => {
    const { token, sink, cash } = exchange.status()
    const percent = (100n * (sink.dropcopy > from ? sink.dropcopy - from : 0n)) / events
    io.stderr.write(`${clear}${percent}%  engine ${token}  cash ${cash}  sink ${sink.dropcopy}`)
  }, 200)
  return () => {
    clearInterval(timer)
    io.stderr.write(clear)
  }
}
