import { CommanderError } from 'commander'
import { ReconError } from '../epoch/recon-error.ts'
import { StoreError } from '../epoch/store-error.ts'
import { EXIT } from './exit-status.ts'
import { Interrupted, signalStatus } from './interrupted.ts'
import { type Io, say } from './io.ts'
import { buildProgram } from './program.ts'
import { escapeLines } from './terminal/escape.ts'

/** Runs one command line and resolves to its exit status. Never rejects: what a command throws is told on stderr. */
export async function main(argv: readonly string[], io: Io): Promise<number> {
  let status: number = EXIT.ok
  try {
    await buildProgram(io, result => {
      status = result
    }).parseAsync([...argv], { from: 'user' })
    return status
  } catch (error) {
    return explain(error, io)
  }
}

/** Tells why a command ended early, and with which exit status. */
function explain(error: unknown, io: Io): number {
  // Commander has written its message already; help and version are no errors.
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage
  if (error instanceof Interrupted) {
    say(io, error.message)
    return signalStatus(error.signalName)
  }
  if (error instanceof ReconError) {
    for (const line of error.message.split('\n')) say(io, escapeLines(line))
    return error instanceof StoreError ? EXIT.inconclusive : EXIT.usage
  }
  return reportBug(error, io)
}

/** Says on stderr that recon itself is at fault, with all that is known. */
export function reportBug(error: unknown, io: Pick<Io, 'stderr'>): number {
  say(io, 'this is a bug in recon, and says nothing about the stores; please report it with what follows:')
  say(io, escapeLines(describe(error)))
  return EXIT.bug
}

function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const cause = error.cause === undefined ? '' : `\ncaused by: ${describe(error.cause)}`
  return `${error.stack ?? error.message}${cause}`
}
