import { setTimeout as delay, setImmediate as immediate } from 'node:timers/promises'
import { ReconError } from '../../epoch/recon-error.ts'
import type { ServerExit } from './keeper-protocol.ts'
import type { KeptServer, RunningServer } from './kept-server.ts'
import { descendants } from './process-tree.ts'

/** A database server of ours: embedded, on the loopback, gone when we are. */
export interface Engine {
  readonly port: number
  /** The process id of the server itself (PostgreSQL: the postmaster); another one after a restart. */
  pid(): number
  /** Resolves when the server that runs now ends, for whatever reason, with words for how. */
  ended(): Promise<string>
  /** Kills the server as a power cut would (SIGKILL) and resolves when it is gone. */
  kill(): Promise<void>
  /** Starts a killed server again on the same data and port, and resolves when it answers. */
  restart(): Promise<void>
  /** Freezes every process of the server (SIGSTOP): connections stay open and nothing answers. */
  pause(): Promise<void>
  /** Lets a paused server go on. */
  resume(): Promise<void>
  /** Ends the server in order and removes its data if that was temporary. Safe to call twice. */
  stop(): Promise<void>
}

/** What makes one kind of server an engine. */
export interface EngineKind {
  readonly name: string
  readonly port: number
  readonly dataFolder: string
  readonly readyTimeoutMs: number
  /** Resolves to true when the server of this process id answers, to false when nothing answers yet. Throws if somebody else answers. */
  ready(pid: number): Promise<boolean>
}

const pollMs = 20
const folderPatienceMs = 3_000
const folderInUse = /lock file "postmaster.pid" already exists|pre-existing shared memory block|Another server instance in same directory/

/** Starts a kept server, waits until it answers, and hands it out as an Engine. Where it does not come up, what was started is ended again. */
export async function startEngine(kind: EngineKind, server: KeptServer, signal?: AbortSignal): Promise<Engine> {
  let running: RunningServer
  try {
    running = await startAndAwait(kind, server, signal)
  } catch (error) {
    await server.release()
    throw error
  }
  return {
    port: kind.port,
    pid: () => running.pid,
    ended: async () => describeExit(kind.name, await running.exited),
    async kill() {
      process.kill(running.pid, 'SIGKILL')
      await running.exited
    },
    async restart() {
      await running.exited
      running = await startAndAwait(kind, server, signal)
    },
    pause: () => signalAll(running.pid, 'SIGSTOP'),
    resume: () => signalAll(running.pid, 'SIGCONT'),
    stop: () => server.release(),
  }
}

async function startAndAwait(kind: EngineKind, server: KeptServer, signal: AbortSignal | undefined): Promise<RunningServer> {
  const deadline = Date.now() + kind.readyTimeoutMs
  const patience = Date.now() + folderPatienceMs
  for (;;) {
    signal?.throwIfAborted()
    const running = await server.start()
    const exit = await untilReady(kind, running, deadline, signal)
    if (exit === 'ready') return running
    const log = server.logTail()
    if (exit === 'late') {
      throw new ReconError(
        'engine-start-timeout',
        `${kind.name} did not answer on port ${kind.port} within ${kind.readyTimeoutMs} ms; its last lines:\n${log}`,
      )
    }
    // The server before this one may still be ending: its keeper stops it in order, and after a kill -9 the kernel needs a moment.
    if (!folderInUse.test(log) || Date.now() > patience) throw startFailure(kind, exit, log)
    await delay(100)
  }
}

async function untilReady(
  kind: EngineKind,
  running: RunningServer,
  deadline: number,
  signal: AbortSignal | undefined,
): Promise<'ready' | 'late' | ServerExit> {
  let exit: ServerExit | undefined
  running.exited.then(ended => {
    exit = ended
  })
  while (exit === undefined) {
    signal?.throwIfAborted()
    if (await kind.ready(running.pid)) return 'ready'
    if (Date.now() > deadline) return 'late'
    await Promise.race([running.exited, delay(pollMs)])
  }
  // Its last words came through another pipe than the news of its end: they are there, but may not have been read yet.
  for (let turn = 0; turn < 2; turn++) await immediate()
  return exit
}

function startFailure(kind: EngineKind, exit: ServerExit, log: string): ReconError {
  if (/Address already in use/.test(log)) return portInUse(kind.name, kind.port)
  if (folderInUse.test(log)) {
    return new ReconError(
      'data-folder-in-use',
      `another ${kind.name} runs on ${kind.dataFolder}: stop the sandbox that holds this folder, or give another folder; the server said:\n${log}`,
    )
  }
  return new ReconError('engine-start-failed', `${describeExit(kind.name, exit)} before it answered; its last lines:\n${log}`)
}

/** Says that a port is taken and what to do about it. */
export function portInUse(name: string, port: number): ReconError {
  return new ReconError(
    'port-in-use',
    `port ${port} of 127.0.0.1, wanted for ${name}, is in use by another process: give another port, or none and a free one is taken`,
  )
}

function describeExit(name: string, exit: ServerExit): string {
  return `${name} ended (${exit.signal ?? `exit status ${exit.code}`})`
}

/** Sends a signal to a process and everything below it. PostgreSQL's backends lead process groups of their own, so a group will not do. */
async function signalAll(pid: number, signal: NodeJS.Signals): Promise<void> {
  for (const target of [pid, ...(await descendants(pid))]) {
    try {
      process.kill(target, signal)
    } catch (error) {
      // A backend may have ended since the listing; the server itself must be there.
      if (target === pid) throw error
    }
  }
}
