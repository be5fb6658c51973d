import { randomBytes } from 'node:crypto'
import { systemClock } from '../stores/system-clock.ts'
import { thisMachine } from './machine.ts'
import { readSoakOptions, SOAK_USAGE } from './soak/options.ts'
import { runSoak } from './soak/run-soak.ts'

// npm run soak: pinned checks on a live exchange that is being killed all the time. The last line on stdout is one JSON document; exit status 0 where every
// bound held, 10 where one did not, 2 for wrong usage, 130 where it was interrupted.
if (process.argv.includes('--help')) {
  process.stdout.write(`usage: ${SOAK_USAGE}\n`)
  process.exit(0)
}
const options = readSoakOptions(process.argv.slice(2), process.env, () => randomBytes(6).toString('hex'))
if (typeof options === 'string') {
  process.stderr.write(`soak: ${options}\nusage: ${SOAK_USAGE}\n`)
  process.exit(2)
}
const interrupted = new AbortController()
for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => interrupted.abort(new Error(`interrupted by ${name}`)))
const startedMs = performance.now()
const say = (words: string) => process.stderr.write(`soak ${((performance.now() - startedMs) / 1_000).toFixed(1)}: ${words}\n`)
const replay = `npm run soak -- --seconds ${options.seconds} --seed ${options.seed} --accounts ${options.accounts} --rate ${options.eventsPerSecond}`
say(`again with: ${replay}`)
try {
  const { broken, ...figures } = await runSoak(options, { clock: systemClock, signal: interrupted.signal, say })
  for (const words of broken) say(`not held: ${words}`)
  const { seconds, seed } = options
  const summary = { ...figures, seconds, seed, replay, machine: thisMachine(), broken, pass: broken.length === 0 }
  process.stdout.write(`${JSON.stringify(summary)}\n`)
  process.exitCode = broken.length === 0 ? 0 : 10
} catch (error) {
  if (!interrupted.signal.aborted) throw error
  say('interrupted')
  process.exitCode = 130
}
