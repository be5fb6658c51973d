import type { ExchangeCustodian } from '../../sim/custodian/exchange-custodian.ts'
import { type Exchange, startExchange } from '../../sim/exchange/exchange.ts'
import type { ExchangeOptions, FaultOrder } from '../../sim/exchange/exchange-options.ts'
import type { PlantedFault } from '../../sim/faults/planted-fault.ts'
import type { Stores } from '../../sim/sandbox/stores.ts'
import { until } from './until.ts'

const WAIT_MS = 30_000
const behaviour = {
  // Small, so that every fault soon finds what it needs; the last event is one at which a mark cycle is computed.
  spec: { seed: 'struck', accounts: 60, eventsPerTransfer: 10, markEveryEvents: 400 },
  rate: Number.POSITIVE_INFINITY,
  // No replays, so that every duplicate which is counted is one that was planted.
  // A late row comes so late that a check which does not wait for it has ended long before, however busy the machine is.
  sink: { lagMsMin: 0, lagMsMax: 50, replayChance: 0, batchMs: 20, lateMsMin: 15_000, lateMsMax: 15_000 },
  engine: { batchEventsMax: 100 },
}

const custodian = { latencyMsMin: 0, latencyMsMax: 2, settleMsMin: 0, settleMsMax: 100, feeOneIn: 0, leadMs: 200 }

/** Runs an exchange for so many events more, without a fault, until everything is in the stores. */
export async function runSound(stores: Stores, events: bigint): Promise<void> {
  await run({ stores, events }, exchange => exchange.caughtUp(AbortSignal.timeout(WAIT_MS)))
}

/** The same with a custodian, and calls `work` while the exchange stands at its end and nothing is on its way. */
export async function withSound<T>(stores: Stores, events: bigint, work: (custodian: ExchangeCustodian) => Promise<T>): Promise<T> {
  return run({ stores, events, custodian }, async exchange => work(await settled(exchange)))
}

/** Runs an exchange for so many events more with one fault, until nothing more comes, and gives what was planted. */
export async function runStruck(stores: Stores, events: bigint, fault: FaultOrder): Promise<PlantedFault> {
  return run({ stores, events, faults: [fault] }, async exchange => {
    await exchange.caughtUp(AbortSignal.timeout(WAIT_MS))
    return onlyPlanted(exchange)
  })
}

/** The same with a custodian, and calls `work` while the exchange stands at its end and nothing is on its way. */
export async function withStruck<T>(
  stores: Stores,
  events: bigint,
  fault: FaultOrder,
  work: (planted: PlantedFault, custodian: ExchangeCustodian) => Promise<T>,
): Promise<T> {
  return run({ stores, events, faults: [fault], custodian }, async exchange => {
    const settledCustodian = await settled(exchange)
    return work(onlyPlanted(exchange), settledCustodian)
  })
}

/**
 * Runs an exchange with one fault and a custodian, and calls `meanwhile` as soon as every event is folded and every watermark is written: from then on nothing but
 * rows that no watermark waits for can still come.
 */
export async function duringStruck<T>(
  stores: Stores,
  events: bigint,
  fault: FaultOrder,
  meanwhile: (custodian: ExchangeCustodian) => Promise<T>,
): Promise<T> {
  return run({ stores, events, faults: [fault], custodian }, async exchange => {
    await until('every event is folded and every watermark written', () => {
      const { token, cash, sink, lastEvent, transfersDue } = exchange.status()
      return token === lastEvent && sink.dropcopy === lastEvent && cash === transfersDue && sink.cash === transfersDue
    })
    onlyPlanted(exchange)
    return meanwhile(await settledCustodian(exchange))
  })
}

async function run<T>(options: ExchangeOptions, watch: (exchange: Exchange) => Promise<T>): Promise<T> {
  const exchange = await startExchange({ ...options, ...behaviour })
  try {
    return await watch(exchange)
  } finally {
    await exchange.stop()
  }
}

async function settled(exchange: Exchange): Promise<ExchangeCustodian> {
  await exchange.caughtUp(AbortSignal.timeout(WAIT_MS))
  return settledCustodian(exchange)
}

async function settledCustodian({ custodian }: Exchange): Promise<ExchangeCustodian> {
  if (custodian === undefined) throw new Error('the exchange has no custodian')
  await custodian.caughtUp(AbortSignal.timeout(WAIT_MS))
  custodian.settleAll()
  return custodian
}

function onlyPlanted(exchange: Exchange): PlantedFault {
  const [planted, ...others] = exchange.planted()
  if (planted === undefined || others.length > 0) throw new Error(`${planted ? 1 + others.length : 0} faults were planted instead of one`)
  return planted
}
