import { EXIT } from './exit-status.ts'
import { type Io, say } from './io.ts'

/**
 * The exit status of a command whose stdout could not be written, as onto a full disk: told on stderr, and 2 instead of 0, since a script that
 * goes by the status would go on without its data. A verdict (10, 11) or any other failure stands as it is.
 */
export function settleStatus(status: number, lost: NodeJS.ErrnoException | undefined, io: Pick<Io, 'stderr'>): number {
  if (lost === undefined) return status
  say(io, `standard output could not be written (${lost.code ?? lost.message}), so what it should hold is not whole; write it elsewhere`)
  return status === EXIT.ok ? EXIT.usage : status
}
