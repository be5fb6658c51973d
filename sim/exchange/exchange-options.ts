import type { CustodianOptions } from '../custodian/options.ts'
import type { FaultName } from '../faults/catalogue.ts'
import type { MarketSpec } from './market.ts'
import type { EngineBehaviour, SinkBehaviour } from './messages.ts'

/** Where the exchange writes; a sandbox made both, or the exchange refuses. */
export interface ExchangeStores {
  readonly postgresUrl: string
  readonly clickhouseUrl: string
}

/** A fault and the dropcopy event at, or after, which it is to happen: half way through the feed unless given, or at once where it has no end. */
export interface FaultOrder {
  readonly name: FaultName
  readonly event?: bigint
}

/** How to run a simulated exchange; everything but the stores may be left out. */
export interface ExchangeOptions {
  readonly stores: ExchangeStores
  /** What decides the streams. Stores that hold another exchange already are refused. */
  readonly spec?: Partial<MarketSpec>
  /** Dropcopy events a second, 500 unless given; infinite only together with `events`. */
  readonly rate?: number
  /** How many events more there will be; without end unless given. */
  readonly events?: bigint
  readonly faults?: readonly FaultOrder[]
  readonly sink?: Partial<SinkBehaviour>
  readonly engine?: Partial<EngineBehaviour>
  /** Attaches a simulated custodian that follows the exchange; none unless given. */
  readonly custodian?: FollowingOptions
}

/** A custodian that follows the exchange; everything may be left out. */
export interface FollowingOptions extends CustodianOptions {
  /** How long before it is due a deposit is announced at the custodian, 1500 ms unless given; it settles in between. */
  readonly leadMs?: number
}

/** How early the custodian hears of deposits unless told otherwise. */
export const defaultLeadMs = 1_500

/** The sink as the demo has it: 0.2 to 2 s late, one replay in ten inserts. */
export const defaultSink: SinkBehaviour = {
  lagMsMin: 200,
  lagMsMax: 2_000,
  replayChance: 0.1,
  batchMs: 100,
  lateMsMin: 1_000,
  lateMsMax: 2_000,
}

/** The trade-engine unless told otherwise: a batch every 25 ms. */
export const defaultEngine: EngineBehaviour = { batchMs: 25, batchEventsMax: 500 }
