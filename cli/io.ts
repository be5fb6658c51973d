import type { Clock } from '../epoch/clock.ts'

/** What a command talks to, instead of the process: data goes to stdout, talk to stderr. */
export interface Io {
  readonly stdin: NodeJS.ReadableStream
  readonly stdout: NodeJS.WritableStream
  readonly stderr: NodeJS.WritableStream
  /** Aborted by the first SIGINT, SIGTERM or SIGHUP, with an `Interrupted` as its reason. */
  readonly signal: AbortSignal
  readonly environment: Readonly<Record<string, string | undefined>>
  readonly workingFolder: string
  readonly clock: Clock
  /** Whether stdout is a terminal that wants colour. */
  readonly color: boolean
}

/** Writes one line of data. */
export function printLine(io: Pick<Io, 'stdout'>, line: string): void {
  io.stdout.write(`${line}\n`)
}

/** Writes one line of talk. */
export function say(io: Pick<Io, 'stderr'>, line: string): void {
  io.stderr.write(`recon: ${line}\n`)
}
