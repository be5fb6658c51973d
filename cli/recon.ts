#!/usr/bin/env node
import { systemClock } from '../stores/system-clock.ts'
import { type EndingSignal, Interrupted, signalStatus } from './interrupted.ts'
import { main, reportBug } from './main.ts'

const interruption = new AbortController()
for (const name of ['SIGINT', 'SIGTERM'] as const) process.on(name, () => interrupt(name))
for (const event of ['uncaughtException', 'unhandledRejection'] as const) {
  process.on(event, error => process.exit(reportBug(error, process)))
}
// A reader that has seen enough, such as head, is not an error; what is still to be said to it is dropped.
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', error => {
    if (!('code' in error && error.code === 'EPIPE')) throw error
  })
}

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
await Promise.all([process.stdout, process.stderr].map(written))
process.exit(status)

/** The first signal asks the command to end in good order; the second ends it on the spot. */
function interrupt(name: EndingSignal): void {
  if (interruption.signal.aborted) process.exit(signalStatus(name))
  interruption.abort(new Interrupted(name))
}

/** Resolves when all that was written to a stream has been handed on, or cannot be. */
function written(stream: NodeJS.WriteStream): Promise<void> {
  return new Promise(resolve => {
    if (stream.destroyed || !stream.writable) resolve()
    else stream.write('', () => resolve())
  })
}
