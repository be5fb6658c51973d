import type { PlannedFault } from '../faults/planned-fault.ts'
import type { PlantedPart } from '../faults/planted-fault.ts'
import type { Transfer } from './cash-stream.ts'
import type { MarketSpec } from './market.ts'
import type { Schedule } from './schedule.ts'

/** The three processes of the exchange. */
export const roles = ['trade-engine', 'cash-writer', 'sink'] as const

/** One of `roles`. */
export type Role = (typeof roles)[number]

/**
 * Where a process can be made to die: the trade-engine after the commit of its trades or of its positions and balances, the sink after its next insert
 * of rows and before the watermark, or after its next insert of a part of a mark cycle.
 */
export type CrashPoint = 'after-trades' | 'after-state' | 'after-rows' | 'within-marks'

/** How late and how often the sink delivers. */
export interface SinkBehaviour {
  readonly lagMsMin: number
  readonly lagMsMax: number
  /** The chance, from 0 to 1, that an insert is followed by the replay of an earlier batch. */
  readonly replayChance: number
  /** How often the sink closes a batch. */
  readonly batchMs: number
  /** How much later than the others a row comes that no watermark waits for, as by the fault late-row-below-epoch. */
  readonly lateMsMin: number
  readonly lateMsMax: number
}

/** How the trade-engine makes its batches. */
export interface EngineBehaviour {
  readonly batchMs: number
  readonly batchEventsMax: number
}

/** All that a process needs; the first message it receives. */
export interface StartMessage {
  readonly type: 'start'
  readonly role: Role
  readonly postgresUrl: string
  readonly clickhouseUrl: string
  readonly spec: MarketSpec
  readonly schedule: Schedule
  readonly faults: readonly PlannedFault[]
  readonly engine: EngineBehaviour
  readonly sink: SinkBehaviour
  readonly cash: CashOrders
}

/** What the cash writer is told beside the streams. */
export interface CashOrders {
  /** It writes no transfer above this number, since the custodian does not have its deposit yet; absent where there is no custodian. */
  readonly through?: bigint
  /** What it writes instead of the stream's own transfers, by their numbers. */
  readonly instead: ReadonlyMap<bigint, Transfer>
}

/** What the parent says to a process. */
export type ToChild =
  | StartMessage
  | { readonly type: 'schedule'; readonly id: number; readonly schedule: Schedule }
  | { readonly type: 'fault'; readonly fault: PlannedFault }
  | { readonly type: 'cash'; readonly cash: CashOrders }
  | { readonly type: 'pause' }
  | { readonly type: 'resume' }
  | { readonly type: 'crash'; readonly point: CrashPoint }
  | { readonly type: 'stop' }

/** How far a process has come. */
export interface Progress {
  /** The trade-engine: its resume token. The sink: what it has delivered, in all tables. */
  readonly dropcopy: bigint
  /** The cash writer: its last transfer. The sink: what it has delivered. */
  readonly cash: bigint
  /** True when a fault has stopped the process for good, or rows are still to come that a fault holds back. */
  readonly halted: boolean
  readonly pendingRows: number
}

/** What a process says to the parent. */
export type FromChild =
  | { readonly type: 'ready'; readonly progress: Progress }
  | { readonly type: 'progress'; readonly progress: Progress }
  /** The schedule with this number holds now; `head` is the last event that the process took for published. */
  | { readonly type: 'scheduled'; readonly id: number; readonly head: bigint }
  | { readonly type: 'planted'; readonly part: PlantedPart }

/** Tells a message of the parent from anything else; both ends are of one build, so the type is all there is to check. */
export function isToChild(message: unknown): message is ToChild {
  return hasType(message, ['start', 'schedule', 'fault', 'cash', 'pause', 'resume', 'crash', 'stop'])
}

/** Tells a message of a process from anything else. */
export function isFromChild(message: unknown): message is FromChild {
  return hasType(message, ['ready', 'progress', 'scheduled', 'planted'])
}

function hasType(message: unknown, types: readonly string[]): boolean {
  return typeof message === 'object' && message !== null && 'type' in message && types.some(type => type === message.type)
}
