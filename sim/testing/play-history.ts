import { defineRelation, type Relation } from '../../checks/relation.ts'
import type { Clock } from '../../epoch/clock.ts'
import { BALANCES, type ExchangeHistory, HISTORY_STREAMS } from './exchange-history.ts'
import { type MemoryHistory, memoryHistory } from './memory-history.ts'
import { type MemoryState, memoryState } from './memory-state.ts'
import type { Play, PlayLog } from './play.ts'
import { runCashWriter, runEngine } from './play-engine.ts'
import { runSink } from './play-sink.ts'
import type { RoundTrip } from './round-trip.ts'

/** How a history is to be played. */
export interface PlayOptions {
  readonly clock: Clock
  /** Aborting it stops everybody where they are. */
  readonly signal: AbortSignal
  /** What the legs of the relation wait for before each answer; at once unless given. */
  readonly roundTrip?: RoundTrip
  /** Whether the history store is known to show all that was written to it; see `memoryHistory`. */
  readonly caughtUp?: boolean
}

/** A history being played. */
export interface Playing {
  readonly state: MemoryState
  readonly history: MemoryHistory
  /** Balances against the sums of facts, declared as transactions-balance is. */
  readonly relation: Relation
  readonly log: PlayLog
  /** Settles when everything has been folded and delivered. */
  readonly finished: Promise<void>
}

/**
 * Acts a history out: a trade-engine, a cash writer and a sink per stream, each at its own pace by the clock. Runs of the relation go on meanwhile.
 */
export function playHistory(script: ExchangeHistory, options: PlayOptions): Playing {
  const { clock, signal, roundTrip, caughtUp } = options
  const trips = roundTrip ? { roundTrip } : {}
  const state = memoryState({ shape: BALANCES, streams: HISTORY_STREAMS, store: 'postgres', ...trips })
  const history = memoryHistory({
    shape: BALANCES,
    streams: HISTORY_STREAMS,
    store: 'clickhouse',
    table: 'transactions',
    ...trips,
    ...(caughtUp === undefined ? {} : { caughtUp }),
  })
  const log = { watermarks: [], torn: [], struck: [] }
  const play: Play = { script, clock, signal, state, history, log }
  const relation = defineRelation({
    name: 'transactions-balance',
    description: 'balances = sum of the facts, per account and asset',
    ...BALANCES,
    left: state.leg,
    right: history.leg,
  })
  const finished = Promise.all([runEngine(play), runCashWriter(play), ...HISTORY_STREAMS.map(stream => runSink(play, stream))]).then(
    () => undefined,
  )
  return { state, history, relation, log, finished }
}
