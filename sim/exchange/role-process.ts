import { type ChildProcess, fork } from 'node:child_process'
import { ReconError } from '../../epoch/recon-error.ts'
import { compiledEntry } from '../engines/package-root.ts'
import { type FromChild, isFromChild, type Progress, type Role, type StartMessage, type ToChild } from './messages.ts'

/** A running process of the exchange. */
export interface RoleProcess {
  readonly role: Role
  readonly pid: number
  /** How far it had come when it was ready. */
  readonly began: Progress
  readonly send: (message: ToChild) => void
  /** Resolves when the process has ended, with words for how: `exit status 1: ...`. */
  readonly ended: Promise<string>
  /** Ends it as by kill -9, and waits for that. */
  readonly kill: () => Promise<void>
  /** Asks it to finish what it is at; kills it after five seconds. */
  readonly stop: () => Promise<void>
}

const READY_MS = 30_000
const STOP_MS = 5_000
const STDERR_KEPT = 4_000

/** Starts one of the three processes and waits until it is ready. It ends by itself when this process is gone. Throws a ReconError `exchange-failed`. */
export async function startRole(start: StartMessage, listen: (message: FromChild) => void): Promise<RoleProcess> {
  const child = fork(compiledEntry(`sim/exchange/${start.role}-process.ts`), {
    // Nothing of this process's own flags, loaders or secrets.
    execArgv: [],
    env: {},
    serialization: 'advanced',
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  })
  const ended = endOf(child)
  const kill = async () => {
    child.kill('SIGKILL')
    await ended
  }
  const began = await readiness(child, start, listen, ended).catch(async error => {
    await kill()
    throw error
  })
  const send = (message: ToChild) => {
    // A process that is just dying is reported by `ended`.
    if (child.connected) child.send(message, () => undefined)
  }
  const stop = async () => {
    send({ type: 'stop' })
    const timer = setTimeout(() => child.kill('SIGKILL'), STOP_MS)
    await ended
    clearTimeout(timer)
  }
  return { role: start.role, pid: child.pid ?? 0, began, send, ended, kill, stop }
}

function readiness(
  child: ChildProcess,
  start: StartMessage,
  listen: (message: FromChild) => void,
  ended: Promise<string>,
): Promise<Progress> {
  return new Promise((resolve, reject) => {
    const refuse = (reason: string) => {
      clearTimeout(timer)
      reject(new ReconError('exchange-failed', `the ${start.role} could not be started: ${reason}`))
    }
    const timer = setTimeout(() => refuse(`not ready after ${READY_MS / 1000} s`), READY_MS)
    child.on('message', message => {
      if (!isFromChild(message)) return
      if (message.type === 'ready') {
        clearTimeout(timer)
        resolve(message.progress)
      }
      listen(message)
    })
    ended.then(refuse)
    child.send(start, error => {
      if (error) refuse(error.message)
    })
  })
}

function endOf(child: ChildProcess): Promise<string> {
  let stderr = ''
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    stderr = (stderr + text).slice(-STDERR_KEPT)
  })
  return new Promise(resolve => {
    child.on('error', error => resolve(error.message))
    // `close` and not `exit`: what it said on stderr is then complete.
    child.on('close', (code, signal) => {
      const how = signal === null ? `exit status ${code}` : `killed by ${signal}`
      resolve(stderr.trim() === '' ? how : `${how}: ${stderr.trim()}`)
    })
  })
}
