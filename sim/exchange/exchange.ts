import { ReconError } from '../../epoch/recon-error.ts'
import { type ExchangeCustodian, openExchangeCustodian } from '../custodian/exchange-custodian.ts'
import { deferred } from '../engines/deferred.ts'
import type { FaultName } from '../faults/catalogue.ts'
import { openFaultLog } from '../faults/fault-log.ts'
import type { PlannedFault } from '../faults/planned-fault.ts'
import type { PlantedFault } from '../faults/planted-fault.ts'
import { requireSandbox } from '../sandbox/require-sandbox.ts'
import { openCrew } from './crew.ts'
import { openDropcopy } from './dropcopy.ts'
import { claimStores } from './exchange-identity.ts'
import { defaultEngine, defaultSink, type ExchangeOptions, type FaultOrder } from './exchange-options.ts'
import { defaultMarketSpec, openMarket, transfersDue } from './market.ts'
import { type CrashPoint, type FromChild, type Role, roles, type StartMessage } from './messages.ts'
import { headAt, type Schedule } from './schedule.ts'
import { openWatch } from './watch.ts'

/** How far everybody has come. */
export interface ExchangeStatus {
  /** The last dropcopy event that is published. */
  readonly published: bigint
  /** The last dropcopy event there will be, for a feed that ends. */
  readonly lastEvent?: bigint
  /** How many transfers are due. */
  readonly transfersDue: bigint
  /** The trade-engine's resume token. */
  readonly token: bigint
  /** The last transfer written. */
  readonly cash: bigint
  /** What the sink has delivered to all of its tables. */
  readonly sink: { readonly dropcopy: bigint; readonly cash: bigint }
  readonly roles: Readonly<Record<Role, 'running' | 'paused' | 'halted' | 'down'>>
}

const PAUSE_MS = 10_000

/** A running simulated exchange. */
export interface Exchange {
  readonly status: () => ExchangeStatus
  /**
   * Resolves when everything that is published (or, for a feed that ends, will be) is folded, written and delivered by every process that a fault has not
   * stopped for good. Rejects when a process fails, when the exchange is stopped, or when `signal` is aborted.
   */
  readonly caughtUp: (signal: AbortSignal) => Promise<void>
  /** Resolves when the trade-engine has folded `sequence`; rejects as `caughtUp` does. */
  readonly folded: (sequence: bigint, signal: AbortSignal) => Promise<void>
  /** Kills a process, at once or at a point in its next batch, and resolves when it is gone. */
  readonly crash: (role: Role, point?: CrashPoint) => Promise<void>
  /** Starts a process that is down (or kills it first), and resolves when it is ready. */
  readonly restart: (role: Role) => Promise<void>
  /** Pauses a process as soon as it hears of it, or the feed; resolves for the feed when everybody agrees on which event is the last. */
  readonly pause: (what: Role | 'feed') => Promise<void>
  readonly resume: (what: Role | 'feed') => void
  /** Plants a fault while the exchange runs: half a second from now at the earliest. Returns what it will happen to. */
  readonly plant: (order: FaultOrder) => PlannedFault
  /** Resolves to what a planned fault did, once it is committed; rejects as `caughtUp` does. */
  readonly committed: (fault: PlannedFault, signal: AbortSignal) => Promise<PlantedFault>
  /** What was planted so far; the differences of dropped busts as of `dropcopy` (default: the last published event). */
  readonly planted: (dropcopy?: bigint) => readonly PlantedFault[]
  /** The custodian, where one was asked for. */
  readonly custodian?: ExchangeCustodian
  /** Rejects when a process fails; resolves when the exchange is stopped. */
  readonly ended: Promise<void>
  /** Ends the processes in order; safe to call twice. */
  readonly stop: () => Promise<void>
}

/**
 * Starts the simulated exchange on stores that a sandbox made: trade-engine, cash writer and sink, each a process of its own, which end with this one. Stores
 * that hold the same exchange already go on where they stopped. Throws a ReconError: `not-a-sandbox`, `store-unreachable`, `another-exchange`,
 * `fault-beyond-the-end`, `exchange-failed`.
 */
export async function startExchange(options: ExchangeOptions): Promise<Exchange> {
  const { postgresUrl, clickhouseUrl } = options.stores
  await requireSandbox({ postgresUrl, clickhouseUrl })
  const rate = options.rate ?? 500
  if (rate === Number.POSITIVE_INFINITY && options.events === undefined) throw new Error('an exchange at full speed needs an end')
  const market = openMarket({ ...defaultMarketSpec, ...options.spec })
  const dropcopy = openDropcopy(market)
  await claimStores(postgresUrl, market.spec)

  const faults = openFaultLog(market, dropcopy, postgresUrl)
  const watch = openWatch()
  const end = deferred<void>()
  // Whoever waits hears of a failure; that nobody waits is no error of its own.
  end.promise.catch(() => undefined)
  // Nothing is published until everybody is ready and it is known where they stand.
  let schedule: Schedule = { fromSequence: 0n, fromMs: Date.now(), eventsPerSecond: 0 }
  let inStores: Promise<void> = Promise.resolve()

  const fail = (error: Error) => {
    watch.fail(error)
    end.reject(error)
  }
  const hear = (role: Role, message: FromChild) => {
    if (message.type === 'planted') faults.hear(message.part)
    else if (message.type !== 'scheduled' && role === 'trade-engine')
      inStores = Promise.all([inStores, faults.plantInStores(message.progress.dropcopy)]).then(() => watch.look(), fail)
    watch.look()
  }
  const custodian =
    options.custodian &&
    (await openExchangeCustodian(options.custodian, {
      market,
      postgresUrl,
      schedule: () => schedule,
      booked: () => crew.progress('cash-writer').cash,
      order: cash => crew.broadcast({ type: 'cash', cash }),
      news: watch.look,
      fail,
    }))
  const startMessage = (role: Role): StartMessage => ({
    type: 'start',
    role,
    postgresUrl,
    clickhouseUrl,
    spec: market.spec,
    schedule,
    faults: faults.planned(),
    engine: { ...defaultEngine, ...options.engine },
    sink: { ...defaultSink, ...options.sink },
    cash: custodian?.orders() ?? { instead: new Map() },
  })
  const crew = openCrew({ startMessage, hear, fail })
  const published = () => headAt(schedule, Date.now())
  const publish = (next: Schedule) => {
    schedule = next
    crew.publish(schedule)
  }

  let stopping: Promise<void> | undefined
  const stop = () => {
    stopping ??= (async () => {
      await crew.stop()
      await custodian?.stop()
      await inStores
      end.resolve()
      watch.fail(new ReconError('exchange-stopped', 'the exchange was stopped'))
    })()
    return stopping
  }

  try {
    await Promise.all(roles.map(crew.start))
    await custodian?.begin()
    const from = greater(crew.progress('trade-engine').dropcopy, crew.progress('sink').dropcopy)
    const through = options.events === undefined ? undefined : from + options.events
    const halfWay = from + (options.events ?? 0n) / 2n
    for (const { name, event = halfWay } of options.faults ?? [])
      crew.broadcast({ type: 'fault', fault: faults.take(faults.plan(name, greater(event, from + 1n), through)) })
    publish({ fromSequence: from, fromMs: Date.now(), eventsPerSecond: rate, ...(through === undefined ? {} : { through }) })
  } catch (error) {
    await stop()
    throw error
  }

  /** Plans a fault that is still to come when the processes hear of it, half a second from now or later; planning itself may take as long, or longer. */
  const planAhead = (name: FaultName, event: bigint): PlannedFault => {
    if (!Number.isFinite(rate)) return faults.plan(name, greater(event, published() + 1n), schedule.through)
    for (let lead = BigInt(Math.ceil(rate / 2)) + 1n; ; lead *= 4n) {
      const fault = faults.plan(name, greater(event, published() + lead), schedule.through)
      if (fault.event > published() + BigInt(Math.ceil(rate / 4))) return fault
    }
  }
  const allCaughtUp = (target: bigint) => {
    const engine = crew.progress('trade-engine')
    const sink = crew.progress('sink')
    const cash = transfersDue(market, target)
    const engineDone = engine.halted || (engine.dropcopy >= target && faults.storesPlanted(target))
    const sinkDone = sink.dropcopy >= target && sink.cash >= cash && (schedule.through !== target || sink.pendingRows === 0)
    return engineDone && sinkDone && crew.progress('cash-writer').cash >= cash
  }
  return {
    status: () => ({
      published: published(),
      ...(schedule.through === undefined ? {} : { lastEvent: schedule.through }),
      transfersDue: transfersDue(market, published()),
      token: crew.progress('trade-engine').dropcopy,
      cash: crew.progress('cash-writer').cash,
      sink: { dropcopy: crew.progress('sink').dropcopy, cash: crew.progress('sink').cash },
      roles: { 'trade-engine': crew.state('trade-engine'), 'cash-writer': crew.state('cash-writer'), sink: crew.state('sink') },
    }),
    caughtUp: signal => {
      const target = schedule.through ?? published()
      return watch.until(() => allCaughtUp(target), signal)
    },
    folded: (sequence, signal) => watch.until(() => crew.progress('trade-engine').dropcopy >= sequence, signal),
    crash: crew.kill,
    restart: crew.start,
    pause: async what => {
      if (what !== 'feed') return crew.pause(what)
      publish({ ...schedule, fromSequence: published(), fromMs: Date.now(), eventsPerSecond: 0 })
      // Somebody may have seen a few events more before the news came; then those are published, and the others see them too.
      await watch.until(() => crew.settledHead() !== undefined, AbortSignal.timeout(PAUSE_MS))
      publish({ ...schedule, fromSequence: greater(published(), crew.settledHead() ?? 0n) })
    },
    resume: what => {
      if (what !== 'feed') crew.resume(what)
      else publish({ ...schedule, fromSequence: published(), fromMs: Date.now(), eventsPerSecond: rate })
    },
    plant: ({ name, event = 0n }) => {
      const fault = faults.take(planAhead(name, event))
      crew.broadcast({ type: 'fault', fault })
      return fault
    },
    committed: async (fault, signal) => {
      await watch.until(() => faults.isCommitted(fault), signal)
      const planted = faults.plantedBy(fault, published())
      if (planted === undefined) throw new Error(`${fault.name} at event ${fault.event} was seen and is gone`)
      return planted
    },
    planted: (through = published()) => faults.planted(through),
    ...(custodian === undefined ? {} : { custodian: custodian.handle(watch.until) }),
    ended: end.promise,
    stop,
  }
}

function greater(a: bigint, b: bigint): bigint {
  return a > b ? a : b
}
