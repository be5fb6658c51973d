import { ReconError } from '../../epoch/recon-error.ts'
import { type CrashPoint, type FromChild, type Progress, type Role, roles, type StartMessage, type ToChild } from './messages.ts'
import { type RoleProcess, startRole } from './role-process.ts'
import type { Schedule } from './schedule.ts'

/** The three processes of an exchange, started, killed and started again as told. */
export interface Crew {
  /** Starts a process, after killing the one that has the role; resolves when it is ready. */
  readonly start: (role: Role) => Promise<void>
  /** Kills a process at once, or at a point in its next batch; resolves when it is gone. Rejects when it does not come to that point within 30 s. */
  readonly kill: (role: Role, point?: CrashPoint) => Promise<void>
  readonly pause: (role: Role) => void
  readonly resume: (role: Role) => void
  readonly broadcast: (message: ToChild) => void
  /** Tells everybody the schedule. */
  readonly publish: (schedule: Schedule) => void
  /** What everybody who runs has taken for published at the most, once all of them go by the last schedule; undefined until then. */
  readonly settledHead: () => bigint | undefined
  readonly progress: (role: Role) => Progress
  readonly state: (role: Role) => 'running' | 'paused' | 'halted' | 'down'
  /** Ends all of them, in their own time; safe to call twice. */
  readonly stop: () => Promise<void>
}

/** What a crew needs: how to start a process as of now, and whom to tell of news and of a process that ended without having been told to. */
export interface CrewOrders {
  readonly startMessage: (role: Role) => StartMessage
  readonly hear: (role: Role, message: FromChild) => void
  readonly fail: (error: Error) => void
}

const CRASH_MS = 30_000
const nowhere: Progress = { dropcopy: 0n, cash: 0n, halted: false, pendingRows: 0 }

/** Makes a crew of which nobody is running yet. */
export function openCrew(orders: CrewOrders): Crew {
  const processes = new Map<Role, RoleProcess>()
  const progress = new Map<Role, Progress>()
  const paused = new Set<Role>()
  const told = new Set<RoleProcess>()
  const heads = new Map<Role, { readonly id: number; readonly head: bigint }>()
  let scheduleId = 0

  const broadcast = (message: ToChild) => {
    for (const role of roles) processes.get(role)?.send(message)
  }
  const kill = async (role: Role, point?: CrashPoint) => {
    const process = processes.get(role)
    if (process === undefined) return
    told.add(process)
    if (point === undefined) return process.kill()
    process.send({ type: 'crash', point })
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(
        () => reject(new ReconError('exchange-failed', `the ${role} did not come to ${point} in ${CRASH_MS / 1000} s`)),
        CRASH_MS,
      )
    })
    await Promise.race([process.ended, late]).finally(() => clearTimeout(timer))
  }
  const start = async (role: Role) => {
    await kill(role)
    const process = await startRole(orders.startMessage(role), message => {
      if (message.type === 'scheduled') heads.set(role, message)
      else if (message.type !== 'planted') progress.set(role, message.progress)
      orders.hear(role, message)
    })
    processes.set(role, process)
    // What was said to the others while this one was starting.
    process.send({ type: 'schedule', id: scheduleId, schedule: orders.startMessage(role).schedule })
    process.send({ type: 'cash', cash: orders.startMessage(role).cash })
    if (paused.has(role)) process.send({ type: 'pause' })
    process.ended.then(how => {
      if (processes.get(role) === process) processes.delete(role)
      if (!told.delete(process)) orders.fail(new ReconError('exchange-failed', `the ${role} ended by itself: ${how}`))
    })
  }
  const stop = async () => {
    await Promise.all(
      [...processes.values()].map(process => {
        told.add(process)
        return process.stop()
      }),
    )
  }
  return {
    start,
    kill,
    stop,
    pause: role => {
      paused.add(role)
      processes.get(role)?.send({ type: 'pause' })
    },
    resume: role => {
      paused.delete(role)
      processes.get(role)?.send({ type: 'resume' })
    },
    broadcast,
    publish: schedule => {
      scheduleId += 1
      broadcast({ type: 'schedule', id: scheduleId, schedule })
    },
    settledHead: () => {
      const settled = roles.filter(role => processes.has(role)).map(role => heads.get(role))
      if (settled.some(each => each?.id !== scheduleId)) return undefined
      return settled.reduce((most, each) => (each !== undefined && each.head > most ? each.head : most), 0n)
    },
    progress: role => progress.get(role) ?? nowhere,
    state: role => {
      if (!processes.has(role)) return 'down'
      if (progress.get(role)?.halted === true) return 'halted'
      return paused.has(role) ? 'paused' : 'running'
    },
  }
}
