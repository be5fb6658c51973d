import type { Run } from '../checks/run.ts'
import { type Sandbox, startSandbox } from '../sim/sandbox/sandbox.ts'
import { inOwnProcess, measureRun } from './check-job.ts'
import { measureFloor } from './floor.ts'
import { benchGrowth } from './growth.ts'
import { loadBooks, type Volume } from './load.ts'
import { thisMachine } from './machine.ts'
import { BENCH_HELP, readBenchRequest } from './options.ts'

const ROUNDS = 3

// npm run bench: what a check costs beside the raw queries, and how little that grows with the history.
const request = readBenchRequest(process.argv.slice(2), process.env)
if (request.kind === 'help') {
  process.stdout.write(BENCH_HELP)
  process.exit(0)
}
if (request.kind === 'unusable') {
  process.stderr.write(`bench: ${request.reason}; see --help\n`)
  process.exit(2)
}
const progress = (what: string) => process.stderr.write(`bench: ${what} ...\n`)
const { floor, growth } = request
const report = {
  bench: [...(floor ? ['transactions-balance'] : []), ...(growth ? ['growth'] : [])].join(', '),
  machine: thisMachine(),
  ...(floor ? await inSandbox(sandbox => benchFloor(sandbox, floor)) : {}),
  ...(growth
    ? await inSandbox(({ createStores }) => benchGrowth(createStores, growth, { work: inOwnProcess, rounds: ROUNDS, progress }))
    : {}),
}
process.stdout.write(`${JSON.stringify(report, null, 2)}\n`)

/** A sandbox for each part, so that neither leaves its books to the other. */
async function inSandbox<T>(work: (sandbox: Sandbox) => Promise<T>): Promise<T> {
  const sandbox = await startSandbox()
  try {
    return await work(sandbox)
  } finally {
    await sandbox.stop()
  }
}

/** The whole check against the raw queries that it cannot do without, on the same servers in the same run. */
async function benchFloor(stores: Sandbox, volume: Volume) {
  const check = () =>
    measureRun(inOwnProcess, 'transactions-balance', { postgresUrl: stores.postgresUrl, clickhouseUrl: stores.clickhouseUrl })
  await loadBooks(stores, volume, progress)
  progress('one check to warm up')
  const { epoch } = (await check()).run
  if (!epoch) throw new Error('the warm-up found no epoch')
  progress('the floor')
  const raw = await measureFloor(stores, { dropcopy: epoch['dropcopy'] ?? '0', cash: epoch['cash'] ?? '0' })
  progress(`${ROUNDS} checks`)
  const checks: { readonly run: Run; readonly peakBytes: number; readonly wallMs: number }[] = []
  for (let round = 0; round < ROUNDS; round++) checks.push(await check())
  const best = checks.reduce((a, b) => (b.wallMs < a.wallMs ? b : a))
  return {
    volume,
    floor: raw,
    check: {
      wallMs: best.wallMs,
      allWallMs: checks.map(({ wallMs }) => wallMs),
      durationMs: best.run.durationMs,
      verdict: best.run.verdict,
      keysCompared: best.run.keysCompared,
      peakMB: Math.round(Math.max(...checks.map(({ peakBytes }) => peakBytes)) / 1e6),
    },
    ratioToFloor: Math.round((best.wallMs / raw.totalMs) * 100) / 100,
  }
}
