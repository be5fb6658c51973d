import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { parseArgs, promisify } from 'node:util'
import type { Run } from '../checks/run.ts'
import { startSandbox } from '../sim/sandbox/sandbox.ts'
import { measureFloor } from './floor.ts'
import { loadBooks } from './load.ts'
import { thisMachine } from './machine.ts'

const run = promisify(execFile)
const ROUNDS = 3

// npm run bench: the whole check against the raw queries that it cannot do without, on the same servers in the same run.
const { values, positionals } = parseArgs({ options: { help: { type: 'boolean' } }, allowPositionals: true, strict: false })
if (values['help'] !== true && (positionals.length > 0 || Object.keys(values).length > 0)) {
  process.stderr.write('bench: it takes no arguments; BENCH_KEYS and BENCH_TRANSACTIONS change the volume\n')
  process.exit(2)
}
if (values['help'] === true) {
  process.stdout.write(
    'npm run bench: loads 1,000,000 keys and 20,000,000 transactions into a sandbox and times the check against the raw queries (minutes, 3 GB)\n',
  )
  process.exit(0)
}
const volume = { keys: number('BENCH_KEYS', 1_000_000), transactions: number('BENCH_TRANSACTIONS', 20_000_000) }
const progress = (what: string) => process.stderr.write(`bench: ${what} ...\n`)

const sandbox = await startSandbox()
try {
  await loadBooks(sandbox, volume, progress)
  progress('one check to warm up')
  const { epoch } = (await check()).run
  if (!epoch) throw new Error('the warm-up found no epoch')
  progress('the floor')
  const floor = await measureFloor(sandbox, { dropcopy: epoch['dropcopy'] ?? '0', cash: epoch['cash'] ?? '0' })
  progress(`${ROUNDS} checks`)
  const checks: Awaited<ReturnType<typeof check>>[] = []
  for (let round = 0; round < ROUNDS; round++) checks.push(await check())
  const best = checks.reduce((a, b) => (b.wallMs < a.wallMs ? b : a))
  const report = {
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
  process.stdout.write(`${JSON.stringify(report, null, 2)}\n`)
} finally {
  await sandbox.stop()
}

/** Runs one check in a process of its own. The wall time is that of the check, without the start of Node. */
async function check(): Promise<{ readonly run: Run; readonly peakBytes: number; readonly wallMs: number }> {
  const { stdout } = await run(
    process.execPath,
    [join(import.meta.dirname, 'check-process.js'), sandbox.postgresUrl, sandbox.clickhouseUrl],
    {
      maxBuffer: 1 << 26,
    },
  )
  const result: { run: Run; peakBytes: number } = JSON.parse(stdout)
  if (result.run.verdict !== 'balanced')
    throw new Error(`the books are balanced, but the check says: ${result.run.reasonCode}: ${result.run.reason}`)
  return { ...result, wallMs: Math.round(result.run.durationMs.total) }
}

function number(name: string, otherwise: number): number {
  const text = process.env[name]
  return text === undefined ? otherwise : Number.parseInt(text, 10)
}
