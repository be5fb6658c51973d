import { fstatSync } from 'node:fs'
import { ReconError } from '../epoch/recon-error.ts'
import { type Sandbox, startSandbox } from '../sim/sandbox/sandbox.ts'

/** What `recon sandbox` was asked for. */
export interface SandboxCommandOptions {
  readonly dir?: string
  readonly postgresPort?: number
  readonly clickhousePort?: number
}

/** What the command talks to. `signal` is aborted by SIGTERM and SIGINT. */
export interface SandboxCommandIo {
  readonly stdout: NodeJS.WritableStream
  readonly stderr: NodeJS.WritableStream
  readonly stdin: NodeJS.ReadableStream
  readonly signal: AbortSignal
}

/**
 * `recon sandbox`: both engines with the reference schema, one JSON line on stdout when they are ready, until SIGTERM, SIGINT, SIGHUP or the end of
 * stdin. Only a pipe or a socket can end it: a terminal has Ctrl-C, and /dev/null is what a background job gets, not a reader who left. A pipe
 * that is closed from the start ends it as soon as it is seen. Resolves to the exit status: 0; 2 for a port, a folder or a machine that cannot
 * be used; 1 where a server died under it.
 */
export async function sandboxCommand(options: SandboxCommandOptions, io: SandboxCommandIo): Promise<number> {
  const ended = new AbortController()
  const signal = AbortSignal.any([io.signal, ended.signal])
  const stopWatching = watchEnd(io.stdin, () => ended.abort())
  const log: string[] = []
  let sandbox: Sandbox
  try {
    io.stderr.write('starting PostgreSQL and ClickHouse ...\n')
    sandbox = await startSandbox({ ...options, signal, log: line => keepLast(log, line) })
  } catch (error) {
    stopWatching()
    if (signal.aborted) return 0
    if (!(error instanceof ReconError)) throw error
    io.stderr.write(`recon sandbox: ${error.message}\n`)
    return 2
  }
  try {
    const { postgresUrl, shadowPostgresUrl, reconUrl, clickhouseUrl } = sandbox
    io.stdout.write(`${JSON.stringify({ postgresUrl, shadowPostgresUrl, reconUrl, clickhouseUrl })}\n`)
    io.stderr.write(`ready; ${options.dir === undefined ? 'the data goes with the sandbox' : `the data stays in ${options.dir}`}\n`)
    const died = await Promise.race([sandbox.ended(), aborted(signal)])
    if (died === undefined || signal.aborted) return 0
    io.stderr.write(`recon sandbox: ${died}, and nobody asked it to. Its last lines:\n${log.join('\n')}\n`)
    return 1
  } finally {
    stopWatching()
    io.stderr.write('stopping PostgreSQL and ClickHouse ...\n')
    await sandbox.stop()
  }
}

function keepLast(lines: string[], line: string): void {
  lines.push(line)
  if (lines.length > 20) lines.shift()
}

function aborted(signal: AbortSignal): Promise<undefined> {
  return new Promise(resolve => {
    if (signal.aborted) resolve(undefined)
    else signal.addEventListener('abort', () => resolve(undefined), { once: true })
  })
}

/** Calls `onEnd` when a stdin that somebody holds the other end of is closed; returns what ends the watch. */
function watchEnd(stdin: NodeJS.ReadableStream, onEnd: () => void): () => void {
  if (!canEnd(stdin)) return () => undefined
  stdin.on('end', onEnd)
  stdin.on('close', onEnd)
  stdin.on('error', onEnd)
  stdin.resume()
  return () => {
    stdin.off('end', onEnd)
    stdin.off('close', onEnd)
    stdin.pause()
  }
}

function canEnd(stdin: NodeJS.ReadableStream): boolean {
  if (!('fd' in stdin) || typeof stdin.fd !== 'number') return true
  const kind = fstatSync(stdin.fd)
  return kind.isFIFO() || kind.isSocket()
}
