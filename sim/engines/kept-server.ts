import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { rm } from 'node:fs/promises'
import { createInterface } from 'node:readline'
import { ReconError } from '../../epoch/recon-error.ts'
import { type Deferred, deferred } from './deferred.ts'
import { type KeeperEvent, type KeeperOrder, type ServerExit, startLine } from './keeper-protocol.ts'
import { compiledEntry } from './package-root.ts'

/** One server process in the care of a keeper process: it cannot outlive us. */
export interface KeptServer {
  /** Starts the server, again after a crash; resolves with its process id once it is spawned, which is before it answers. */
  start(): Promise<RunningServer>
  /** The last lines that the server wrote since it was last started, for error messages. */
  logTail(): string
  /** Ends the server in order, removes the temporary folders and awaits the keeper's end. Safe to call twice. */
  release(): Promise<void>
}

/** A server that was started and may have ended since. */
export interface RunningServer {
  readonly pid: number
  readonly exited: Promise<ServerExit>
}

const logLinesMax = 40

/** Starts a keeper for the ordered server, but not yet the server. `log` receives every line that the server writes. */
export function keepServer(order: KeeperOrder, log?: (line: string) => void): KeptServer {
  const tail: string[] = []
  let starting: Deferred<RunningServer> | undefined
  let running: (Deferred<ServerExit> & { readonly pid: number }) | undefined

  // Detached, in a process group of its own: Ctrl-C on a terminal goes to a whole group, and it is for us to end the servers in order.
  const keeper = spawn(process.execPath, [compiledEntry('sim/engines/keeper.ts'), JSON.stringify(order)], {
    stdio: ['pipe', 'pipe', 'pipe'],
    detached: true,
  })
  const gone = once(keeper, 'close').then(
    () => undefined,
    () => undefined,
  )
  // What a write to a dead keeper would say is said better by its end.
  keeper.stdin.on('error', () => keeper.stdin.destroy())
  keeper.on('error', error => fail(error.message))
  keeper.on('exit', (code, signal) => {
    // Nobody kills a keeper but the machine; a server that lost its keeper is ours to end.
    if (running !== undefined) killQuietly(running.pid)
    fail(`the keeper process ended (${signal ?? code})`)
  })

  createInterface({ input: keeper.stderr }).on('line', line => {
    tail.push(line)
    if (tail.length > logLinesMax) tail.shift()
    log?.(line)
  })
  createInterface({ input: keeper.stdout }).on('line', line => heard(JSON.parse(line)))

  function heard(said: KeeperEvent): void {
    switch (said.event) {
      case 'started': {
        running = { ...deferred<ServerExit>(), pid: said.pid }
        starting?.resolve({ pid: said.pid, exited: running.promise })
        starting = undefined
        return
      }
      case 'exited':
        running?.resolve({ code: said.code, signal: said.signal })
        running = undefined
        return
      case 'failed':
        fail(said.message)
        return
      default:
        said satisfies never
    }
  }

  function fail(message: string): void {
    starting?.reject(new ReconError('engine-start-failed', message))
    starting = undefined
    running?.resolve({ code: null, signal: null })
    running = undefined
  }

  return {
    start() {
      if (running !== undefined) throw new Error('the server is running already')
      if (keeper.exitCode !== null || keeper.signalCode !== null) {
        return Promise.reject(new ReconError('engine-start-failed', 'the keeper process has ended'))
      }
      tail.length = 0
      starting ??= deferred<RunningServer>()
      keeper.stdin.write(startLine)
      return starting.promise
    },
    logTail: () => tail.join('\n'),
    async release() {
      keeper.stdin.end()
      await gone
      if (keeper.exitCode === 0) return
      for (const folder of order.temporaryFolders) await rm(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 })
    },
  }
}

function killQuietly(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // It has ended already, which is what was wanted.
  }
}
