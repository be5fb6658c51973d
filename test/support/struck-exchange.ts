import { type Exchange, startExchange } from '../../sim/exchange/exchange.ts'
import type { FaultOrder } from '../../sim/exchange/exchange-options.ts'
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
  sink: { lagMsMin: 0, lagMsMax: 50, replayChance: 0, batchMs: 20, lateMsMin: 12_000, lateMsMax: 12_000 },
  engine: { batchEventsMax: 100 },
}

/** Runs an exchange for so many events more, without a fault, until everything is in the stores. */
export async function runSound(stores: Stores, events: bigint): Promise<void> {
  await run(stores, events, [], exchange => exchange.caughtUp(AbortSignal.timeout(WAIT_MS)))
}

/** Runs an exchange for so many events more with one fault, until nothing more comes, and gives what was planted. */
export async function runStruck(stores: Stores, events: bigint, fault: FaultOrder): Promise<PlantedFault> {
  return run(stores, events, [fault], async exchange => {
    await exchange.caughtUp(AbortSignal.timeout(WAIT_MS))
    return onlyPlanted(exchange)
  })
}

/**
 * Runs an exchange with one fault, and calls `meanwhile` as soon as every event is folded and every watermark is written: from then on nothing but rows that no
 * watermark waits for can still come.
 */
export async function duringStruck<T>(stores: Stores, events: bigint, fault: FaultOrder, meanwhile: () => Promise<T>): Promise<T> {
  return run(stores, events, [fault], async exchange => {
    await until('every event is folded and every watermark written', () => {
      const { token, cash, sink, lastEvent, transfersDue } = exchange.status()
      return token === lastEvent && sink.dropcopy === lastEvent && cash === transfersDue && sink.cash === transfersDue
    })
    onlyPlanted(exchange)
    return meanwhile()
  })
}

async function run<T>(
  stores: Stores,
  events: bigint,
  faults: readonly FaultOrder[],
  watch: (exchange: Exchange) => Promise<T>,
): Promise<T> {
  const exchange = await startExchange({ stores, events, faults, ...behaviour })
  try {
    return await watch(exchange)
  } finally {
    await exchange.stop()
  }
}

function onlyPlanted(exchange: Exchange): PlantedFault {
  const [planted, ...others] = exchange.planted()
  if (planted === undefined || others.length > 0) throw new Error(`${planted ? 1 + others.length : 0} faults were planted instead of one`)
  return planted
}
