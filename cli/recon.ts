#!/usr/bin/env node
import { type EndingSignal, Interrupted, signalStatus } from './interrupted.ts'

// First thing, and before anything large is loaded: a signal that comes while it is being loaded still ends the command in good order.
const interruption = new AbortController()
for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, () => interrupt(name))

const { main, reportBug } = await import('./main.ts')
const { systemClock } = await import('../stores/system-clock.ts')
const { settleStatus } = await import('./lost-output.ts')

for (const event of ['uncaughtException', 'unhandledRejection'] as const) {
  process.on(event, error => process.exit(reportBug(error, process)))
}
let lost: NodeJS.ErrnoException | undefined
// A reader that has seen enough, such as head, is not an error; what is still to be said to it is dropped.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') lost ??= error
})
// When talk cannot be written there is nobody to be told so, and the exit status still says what came of it.
process.stderr.on('error', () => undefined)

const status = await main(process.argv.slice(2), {
  stdin: process.stdin,
  stdout: process.stdout,
  stderr: process.stderr,
  signal: interruption.signal,
  environment: process.env,
  workingFolder: process.cwd(),
  clock: systemClock,
  color: process.stdout.isTTY && !process.env['NO_COLOR'] && process.env['TERM'] !== 'dumb',
})
await written(process.stdout)
const settled = settleStatus(status, lost, process)
await written(process.stderr)
process.exit(settled)

/** The first signal asks the command to end in good order; the second ends it on the spot. */
function interrupt(name: EndingSignal): void {
  if (interruption.signal.aborted) process.exit(signalStatus(name))
  interruption.abort(new Interrupted(name))
}

/** Resolves when all that was written to a stream has been handed on, or cannot be. */
function written(stream: NodeJS.WriteStream): Promise<void> {
  return new Promise(resolve => {
    // Its error, if it has one, is told in a moment.
    if (stream.destroyed || !stream.writable) setImmediate(resolve)
    else stream.write('', () => resolve())
  })
}
