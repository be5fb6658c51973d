import { parseArgs } from 'node:util'
import type { Run } from '../checks/run.ts'
import { type Sandbox, startSandbox } from '../sim/sandbox/sandbox.ts'
import { measureRun } from './check-job.ts'
import { measureFloor } from './floor.ts'
import { benchGrowth, DEFAULT_GROWTH } from './growth.ts'
import { loadBooks } from './load.ts'
import { thisMachine } from './machine.ts'

const ROUNDS = 3
const PARTS = ['floor', 'growth'] as const
const HELP = `npm run bench [-- floor | growth]: prints one JSON document; progress on stderr. Both parts without an argument.

  floor    1,000,000 keys over 20,000,000 transactions: transactions-balance reading everything, against the raw queries that it cannot do without
           (minutes, 3 GB; BENCH_KEYS, BENCH_TRANSACTIONS)
  growth   every check from its checkpoints on, after an increment of 100,000 transactions, with 1,000,000, 10,000,000 and 50,000,000 of history
           under it; full runs, checkpoints and the audit beside it (half an hour, 10 GB; BENCH_VOLUMES, BENCH_KEYS, BENCH_INCREMENT)
`

// npm run bench: what a check costs beside the raw queries, and how little that grows with the history.
const { values, positionals } = parseArgs({ options: { help: { type: 'boolean' } }, allowPositionals: true, strict: false })
const { help, ...unknown } = values
const [part, ...more] = positionals
if (help === true) {
  process.stdout.write(HELP)
  process.exit(0)
}
if (more.length > 0 || Object.keys(unknown).length > 0 || (part !== undefined && !PARTS.some(name => name === part))) {
  process.stderr.write(`bench: it takes one of ${PARTS.join(', ')}, or nothing; see --help\n`)
  process.exit(2)
}
const progress = (what: string) => process.stderr.write(`bench: ${what} ...\n`)

const report = {
  ...(part === 'growth' ? { bench: 'growth', machine: thisMachine() } : await inSandbox(benchFloor)),
  ...(part === 'floor' ? {} : await inSandbox(({ createStores }) => benchGrowth(createStores, growthOptions(), progress))),
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
async function benchFloor(stores: Sandbox) {
  const volume = { keys: number('BENCH_KEYS', 1_000_000), transactions: number('BENCH_TRANSACTIONS', 20_000_000) }
  const check = () => measureRun('transactions-balance', { postgresUrl: stores.postgresUrl, clickhouseUrl: stores.clickhouseUrl })
  await loadBooks(stores, volume, progress)
  progress('one check to warm up')
  const { epoch } = (await check()).run
  if (!epoch) throw new Error('the warm-up found no epoch')
  progress('the floor')
  const floor = await measureFloor(stores, { dropcopy: epoch['dropcopy'] ?? '0', cash: epoch['cash'] ?? '0' })
  progress(`${ROUNDS} checks`)
  const checks: { readonly run: Run; readonly peakBytes: number; readonly wallMs: number }[] = []
  for (let round = 0; round < ROUNDS; round++) checks.push(await check())
  const best = checks.reduce((a, b) => (b.wallMs < a.wallMs ? b : a))
  return {
    bench: 'transactions-balance',
    machine: thisMachine(),
    volume,
    floor,
    check: {
      wallMs: best.wallMs,
      allWallMs: checks.map(({ wallMs }) => wallMs),
      durationMs: best.run.durationMs,
      verdict: best.run.verdict,
      keysCompared: best.run.keysCompared,
      peakMB: Math.round(Math.max(...checks.map(({ peakBytes }) => peakBytes)) / 1e6),
    },
    ratioToFloor: Math.round((best.wallMs / floor.totalMs) * 100) / 100,
  }
}

function growthOptions() {
  const volumes = process.env['BENCH_VOLUMES']
  return {
    volumes: volumes === undefined ? DEFAULT_GROWTH.volumes : volumes.split(',').map(text => Number.parseInt(text, 10)),
    keys: number('BENCH_KEYS', DEFAULT_GROWTH.keys),
    increment: number('BENCH_INCREMENT', DEFAULT_GROWTH.increment),
  }
}

function number(name: string, otherwise: number): number {
  const text = process.env[name]
  return text === undefined ? otherwise : Number.parseInt(text, 10)
}
