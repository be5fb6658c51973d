// A process between us and one database server, so that no server outlives us: its stdin is a pipe that we hold. When the pipe closes, because
// we stopped or because we were killed, the keeper ends the server in order, removes the temporary folders and goes. It reads `start` lines
// on stdin (again after a crash), reports on stdout, and lends the server its stderr.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { rm } from 'node:fs/promises'
import { createInterface } from 'node:readline'
import type { KeeperEvent, KeeperOrder } from './keeper-protocol.ts'

const order: KeeperOrder = JSON.parse(process.argv[2] ?? '')
let prepared = order.prepare === undefined
let server: ChildProcess | undefined
let ending = false

// The parent may be gone; then there is nobody left to report to.
process.stdout.on('error', () => end())
for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, () => end())

const lines = createInterface({ input: process.stdin })
lines.on('line', () => start().catch(failed))
lines.on('close', () => end())

async function start(): Promise<void> {
  if (server !== undefined || ending) return
  if (order.prepare !== undefined && !prepared) {
    server = launch(order.prepare.command, order.prepare.args)
    const [code] = await once(server, 'exit')
    server = undefined
    if (code !== 0) return say({ event: 'failed', message: `${order.prepare.command} ended with exit status ${code}` })
    prepared = true
    if (ending) return
  }
  const child = launch(order.command, order.args)
  server = child
  child.once('exit', (code, signal) => {
    server = undefined
    say({ event: 'exited', code, signal })
  })
  await once(child, 'spawn')
  if (child.pid !== undefined) say({ event: 'started', pid: child.pid })
}

function launch(command: string, args: readonly string[]): ChildProcess {
  // stdin stays open for as long as the keeper lives: the ClickHouse server ends by itself when it closes, even if the keeper is killed.
  const child = spawn(command, args, { stdio: ['pipe', 2, 2], ...order.user, ...(order.cwd === undefined ? {} : { cwd: order.cwd }) })
  child.on('error', failed)
  return child
}

function end(): void {
  if (ending) return
  ending = true
  finish().then(
    () => process.exit(0),
    (error: unknown) => {
      failed(error)
      process.exit(1)
    },
  )
}

async function finish(): Promise<void> {
  if (server !== undefined) {
    const child = server
    const gone = once(child, 'exit')
    child.kill(order.stopSignal)
    // A server that somebody paused would never see the signal.
    child.kill('SIGCONT')
    const deadline = setTimeout(() => child.kill('SIGKILL'), order.stopTimeoutMs)
    await gone
    clearTimeout(deadline)
  }
  // A killed PostgreSQL leaves processes that still write for a moment, hence the retries.
  for (const folder of order.temporaryFolders) await rm(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 })
}

function failed(error: unknown): void {
  server = undefined
  say({ event: 'failed', message: error instanceof Error ? error.message : String(error) })
}

function say(event: KeeperEvent): void {
  process.stdout.write(`${JSON.stringify(event)}\n`)
}
