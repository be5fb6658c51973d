import type { Exchange, ExchangeStatus } from '../../sim/exchange/exchange.ts'

/** How the exchange is doing right now. */
export interface Pace {
  /** Dropcopy events that the trade-engine folds a second, over the last few seconds. */
  readonly eventsPerSecond: number
  /** How long ago the last event was published that ClickHouse shows. */
  readonly sinkLagMs: number
  readonly status: ExchangeStatus
}

const WINDOW_MS = 5_000

/** Makes a function that says how the exchange is doing; it must be asked now and then to know its speed. `rate` is what the feed publishes. */
export function openPace(exchange: Exchange, rate: number, nowMs: () => number): () => Pace {
  let samples: readonly { readonly atMs: number; readonly token: bigint }[] = []
  return () => {
    const status = exchange.status()
    const atMs = nowMs()
    samples = [...samples.filter(sample => sample.atMs >= atMs - WINDOW_MS), { atMs, token: status.token }]
    const [first] = samples
    const seconds = first === undefined ? 0 : (atMs - first.atMs) / 1_000
    const eventsPerSecond = first === undefined || seconds < 0.5 ? rate : Number(status.token - first.token) / seconds
    return { eventsPerSecond, sinkLagMs: (Number(status.published - status.sink.dropcopy) / rate) * 1_000, status }
  }
}
