import type { Run } from '../../checks/run.ts'
import type { Stores } from '../../sim/sandbox/stores.ts'
import { poll } from '../../stores/clickhouse/poll.ts'
import { systemClock } from '../../stores/system-clock.ts'
import { type JobStores, type JobSubject, measureKeeping, measureRun } from '../check-job.ts'
import { custodianMemory, openRecon } from '../do-job.ts'
import { appendHistory } from './append-history.ts'
import { countRowsRead } from './count-rows-read.ts'
import { foldBooks } from './fold-books.ts'
import { GROWTH_CHECKS, type GrowthCheck } from './growth-checks.ts'
import { type GrowthStores, openGrowthStores } from './growth-stores.ts'
import { measureIncrementFloor } from './increment-floor.ts'
import { markBooks } from './mark-books.ts'
import { type CheckTimes, type PostgresLayoutTimes, perCheck, type VolumeTimes } from './report.ts'
import { settleCash } from './settle-cash.ts'
import { assertVolume, type GrowthVolume, historyOf, incrementOf, type Stretch } from './volume.ts'

const ROUNDS = 3
const TRANSACTIONS_TO_A_CYCLE = 10_000_000
/** The layout in PostgreSQL is there to be compared with the other: it is not measured above this. */
const POSTGRES_LAYOUT_TRANSACTIONS_MAX = 10_000_000
const MERGES_TIMEOUT_MS = 600_000
const SETTLING_RUNS_MAX = 50

type Full = Pick<CheckTimes, 'fullMs' | 'fullRowsRead'> & { readonly run: Run }
type Kept = Pick<CheckTimes, 'checkpointMs'>

/**
 * Measures one volume on fresh stores, which it drops: full runs, checkpoints out of them, then the increment and the runs that go on from the checkpoints, the raw
 * queries, and the audit. Throws where a run is not balanced, or read what it need not have read.
 */
export async function measureVolume(
  create: (name: string) => Promise<Stores>,
  volume: GrowthVolume,
  progress: (what: string) => void,
): Promise<VolumeTimes> {
  assertVolume(volume)
  const tell = (what: string) => progress(`${volume.transactions} transactions: ${what}`)
  const stores = await openGrowthStores(create)
  try {
    tell('making the history')
    await grow(stores, volume, historyOf(volume))
    const marked = await markHistory(stores, volume)
    tell('full runs')
    const full = new Map<GrowthCheck, Full>()
    for (const check of GROWTH_CHECKS) full.set(check, await runInFull(check, stores))
    tell('settling the custodian')
    const settling = await settleCustodian(stores, historyOf(volume).cash.last)
    tell('checkpoints')
    const kept = await keepAll(stores.main, full)
    const keptInPostgres = volume.transactions <= POSTGRES_LAYOUT_TRANSACTIONS_MAX ? await keepInPostgres(stores, full) : undefined
    tell(`${volume.increment} more`)
    await grow(stores, volume, incrementOf(volume))
    await markBooks(stores.clickhouse, marked + 1, incrementOf(volume).dropcopy.last)
    await awaitMerges(stores)
    tell('the floor')
    const floor = await measureIncrementFloor(stores.main)
    tell(`${ROUNDS} runs of each check`)
    const times = new Map<GrowthCheck, Timed>()
    for (const check of GROWTH_CHECKS) times.set(check, await timed(check, stores, stores.main))
    const postgresLayout = keptInPostgres === undefined ? undefined : await timePostgresLayout(stores, keptInPostgres)
    tell('the audit')
    const audit = await measureRun('history-audit', stores.main)
    return {
      volume,
      rows: await countRows(stores),
      checks: perCheck(check => {
        const { fullMs, fullRowsRead } = must(full, check)
        return { fullMs, fullRowsRead, ...must(kept, check), ...must(times, check), floorMs: floor[check] }
      }),
      ...(postgresLayout ? { postgresLayout } : {}),
      settling,
      audit: { auditMs: audit.wallMs, segments: Number(audit.run.keysCompared), peakMB: megabytes(audit.peakBytes) },
    }
  } finally {
    await stores.drop()
  }
}

async function grow({ clickhouse, postgres, custodian }: GrowthStores, { keys }: GrowthVolume, stretch: Stretch): Promise<void> {
  await appendHistory(clickhouse, keys, stretch)
  await foldBooks(clickhouse, postgres, stretch)
  await settleCash(postgres, custodian, stretch.cash)
}

/** A cycle now and then, the last one at the end of the history; gives its number. */
async function markHistory(stores: GrowthStores, volume: GrowthVolume): Promise<number> {
  const cycles = Math.max(1, Math.floor(volume.transactions / TRANSACTIONS_TO_A_CYCLE))
  const { last } = historyOf(volume).dropcopy
  for (let cycle = 1; cycle <= cycles; cycle++) await markBooks(stores.clickhouse, cycle, Math.floor((last / cycles) * cycle))
  await awaitMerges(stores)
  return cycles
}

/** Rows that have just come are merged in the background; whoever measured meanwhile would measure that too. */
async function awaitMerges({ clickhouse }: GrowthStores): Promise<void> {
  const merging = async () => {
    const result = await clickhouse.query({ query: 'select count() as n from system.merges', format: 'JSON' })
    const { data } = await result.json<{ n: string }>()
    return Number(data[0]?.n)
  }
  const context = { clock: systemClock, signal: new AbortController().signal }
  const left = await poll(merging, n => n === 0, systemClock.monotonicMs() + MERGES_TIMEOUT_MS, context)
  if (left > 0) throw new Error(`ClickHouse is still merging after ${MERGES_TIMEOUT_MS} ms`)
}

/** A run settles a bounded number of movements, so that a long history takes several. */
async function settleCustodian({ main }: GrowthStores, last: number): Promise<VolumeTimes['settling']> {
  const state = await openRecon(main.stateUrl)
  try {
    const memory = custodianMemory(state, main.custodian)
    let ms = 0
    for (let runs = 0; runs < SETTLING_RUNS_MAX; runs++) {
      const { sequence } = await memory.head(new AbortController().signal)
      if (sequence === BigInt(last)) return { runs, ms }
      ms += (await measureRun('omnibus-balances-square', main)).wallMs
    }
  } finally {
    await state.close()
  }
  throw new Error(`the custodian is not settled after ${SETTLING_RUNS_MAX} runs`)
}

async function runInFull(check: GrowthCheck, { clickhouse, main }: GrowthStores): Promise<Full> {
  const { run, wallMs, rowsRead } = await countRowsRead(clickhouse, () => measureRun(check, main))
  assertVerified(run, false)
  return { run, fullMs: wallMs, fullRowsRead: rowsRead }
}

async function keepAll(stores: JobStores, full: ReadonlyMap<GrowthCheck, Full>): Promise<ReadonlyMap<GrowthCheck, Kept>> {
  const kept = new Map<GrowthCheck, Kept>()
  for (const [check, { run }] of full) kept.set(check, { checkpointMs: await keep(check, stores, run) })
  return kept
}

function keepInPostgres({ inPostgres }: GrowthStores, full: ReadonlyMap<GrowthCheck, Full>): Promise<number> {
  return keep('transactions-balance', inPostgres, must(full, 'transactions-balance').run)
}

/** Checks may have a leg in common: then the second finds that there is nothing new. */
async function keep(check: GrowthCheck, stores: JobStores, run: Run): Promise<number> {
  const { kept = [], wallMs } = await measureKeeping(check, stores, run)
  const why = kept.find(words => !words.startsWith('checkpoint ') && words !== 'no whole segment is new')
  if (kept.length === 0 || why !== undefined) throw new Error(`no checkpoint was made of ${check}: ${why ?? 'it has nothing to keep'}`)
  return wallMs
}

async function timePostgresLayout(stores: GrowthStores, checkpointMs: number): Promise<PostgresLayoutTimes> {
  return { checkpointMs, ...(await timed('transactions-balance', stores, stores.inPostgres)) }
}

type Timed = Pick<CheckTimes, 'ms' | 'allMs' | 'rowsRead' | 'peakMB'>

async function timed(subject: JobSubject, { clickhouse }: GrowthStores, stores: JobStores): Promise<Timed> {
  const measure = () => countRowsRead(clickhouse, () => measureRun(subject, stores))
  const measured: Awaited<ReturnType<typeof measure>>[] = []
  for (let round = 0; round < ROUNDS; round++) measured.push(await measure())
  for (const { run } of measured) assertVerified(run, true)
  const allMs = measured.map(({ wallMs }) => wallMs)
  const rowsRead = Math.max(...measured.map(run => run.rowsRead))
  return { ms: Math.min(...allMs), allMs, rowsRead, peakMB: megabytes(Math.max(...measured.map(({ peakBytes }) => peakBytes))) }
}

/** Whether every history was read from a checkpoint on, or none was. Marks are no history: a cycle is read whole. */
function assertVerified({ check, horizon }: Run, expected: boolean): void {
  const wrong = horizon.legs.filter(({ table, verified }) => table !== 'pnl_marks' && (verified !== undefined) !== expected)
  if (wrong.length > 0)
    throw new Error(`${check} ${expected ? 'went on from no checkpoint' : 'went on from a checkpoint'} in ${wrong[0]?.table}`)
}

async function countRows({ clickhouse, postgres, custodian }: GrowthStores): Promise<VolumeTimes['rows']> {
  const counts: Record<string, number> = {}
  for (const table of ['transactions', 'positions', 'pnl_marks', 'sink_watermarks']) {
    const result = await clickhouse.query({ query: `select count() as n from ${table}`, format: 'JSON' })
    counts[table] = Number((await result.json<{ n: string }>()).data[0]?.n)
  }
  for (const table of ['accounts.balances', 'trade_engine.positions', 'accounts.transfers']) {
    const { rows } = await postgres.query<{ n: string }>(`select count(*) as n from ${table}`)
    counts[table] = Number(rows[0]?.n)
  }
  return { ...counts, movements: custodian.movements().length }
}

function must<T>(values: ReadonlyMap<GrowthCheck, T>, check: GrowthCheck): T {
  const value = values.get(check)
  if (value === undefined) throw new Error(`${check} was not measured`)
  return value
}

function megabytes(bytes: number): number {
  return Math.round(bytes / 1e6)
}
