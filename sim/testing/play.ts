import type { Clock } from '../../epoch/clock.ts'
import type { Epoch } from '../../epoch/epoch.ts'
import type { PlainRow } from '../../epoch/plain-row.ts'
import type { ExchangeHistory, HistoryFault } from './exchange-history.ts'
import type { MemoryHistory, WrittenWatermark } from './memory-history.ts'
import type { MemoryState } from './memory-state.ts'

/** What was done and when, from the simulator's own knowledge: for oracles. Times are the clock's monotonic ms. */
export interface PlayLog {
  readonly watermarks: readonly (WrittenWatermark & { readonly atMs: number })[]
  /** From when until when a batch was half folded; without an end it still is. */
  readonly torn: readonly { readonly fromMs: number; readonly untilMs: number }[]
  /** When a fault that happens at a moment did, and how far the state was folded then; `row` is the state row that came or went. */
  readonly struck: readonly { readonly fault: HistoryFault; readonly atMs: number; readonly folded: Epoch; readonly row: PlainRow | null }[]
}

/** What everybody who acts out a part of a history shares; `log` is what they write into. */
export interface Play {
  readonly script: ExchangeHistory
  readonly clock: Clock
  readonly signal: AbortSignal
  readonly state: MemoryState
  readonly history: MemoryHistory
  readonly log: {
    readonly watermarks: PlayLog['watermarks'][number][]
    readonly torn: { readonly fromMs: number; untilMs: number }[]
    readonly struck: PlayLog['struck'][number][]
  }
}
