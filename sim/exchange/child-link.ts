import { setTimeout as delay } from 'node:timers/promises'
import type { PlannedFault } from '../faults/planned-fault.ts'
import { type CashOrders, type CrashPoint, type FromChild, isToChild, type StartMessage } from './messages.ts'
import { headAt } from './schedule.ts'

/** The child's end of its conversation with the parent. */
export interface ChildLink {
  readonly start: StartMessage
  /** Aborted when the parent asks for the end. */
  readonly signal: AbortSignal
  /** The dropcopy sequence that is published now; never goes back. */
  readonly head: () => bigint
  readonly faults: () => readonly PlannedFault[]
  readonly paused: () => boolean
  readonly cash: () => CashOrders
  readonly send: (message: FromChild) => void
  /** Dies on the spot, as by kill -9, if the parent asked for a crash at this point. */
  readonly mayCrash: (point: CrashPoint) => void
  /** Waits at the most this long; returns early when the end is asked for. */
  readonly rest: (ms: number) => Promise<void>
}

/**
 * Runs a child of the exchange: waits for the start message, serves until the parent asks for the end, and leaves at once when the parent is gone.
 * An error ends the process with status 1 and its message on stderr.
 */
export function runChild(serve: (link: ChildLink) => Promise<void>): void {
  const ending = new AbortController()
  let start: StartMessage | undefined
  let faults: readonly PlannedFault[] = []
  let paused = false
  let head = 0n
  let crashPoint: CrashPoint | undefined
  const begin = (message: StartMessage) => {
    start = message
    faults = message.faults
    const link: ChildLink = {
      start: message,
      signal: ending.signal,
      head: () => {
        const now = headAt((start ?? message).schedule, Date.now())
        if (now > head) head = now
        return head
      },
      faults: () => faults,
      paused: () => paused,
      cash: () => (start ?? message).cash,
      send: reply => process.send?.(reply),
      mayCrash: point => {
        if (point === crashPoint) process.kill(process.pid, 'SIGKILL')
      },
      rest: ms => delay(ms, undefined, { signal: ending.signal }).catch(() => undefined),
    }
    serve(link).then(() => process.exit(0), fail)
  }
  process.on('message', message => {
    if (!isToChild(message)) return
    switch (message.type) {
      case 'start':
        return begin(message)
      case 'schedule':
        if (start !== undefined) start = { ...start, schedule: message.schedule }
        process.send?.({ type: 'scheduled', id: message.id, head } satisfies FromChild)
        return
      case 'fault':
        faults = [...faults, message.fault]
        return
      case 'cash':
        if (start !== undefined) start = { ...start, cash: message.cash }
        return
      case 'pause':
        paused = true
        return
      case 'resume':
        paused = false
        return
      case 'crash':
        crashPoint = message.point
        return
      case 'stop':
        return ending.abort()
      default:
        return message satisfies never
    }
  })
  process.on('disconnect', () => process.exit(0))
  // Ctrl-C reaches the whole group; the parent ends its children in order.
  process.on('SIGINT', () => undefined)
}

function fail(error: unknown): void {
  process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`, () => process.exit(1))
}
