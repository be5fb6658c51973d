import type { Run } from '../../checks/run.ts'
import type { Stores } from '../../sim/sandbox/stores.ts'
import { poll } from '../../stores/poll.ts'
import { systemClock } from '../../stores/system-clock.ts'
import { type DoJob, type JobResult, type JobStores, type JobSubject, measureRun } from '../check-job.ts'
import { custodianMemory, openRecon } from '../do-job.ts'
import { appendHistory } from './append-history.ts'
import { foldBooks } from './fold-books.ts'
import { GROWTH_CHECKS, type GrowthCheck } from './growth-checks.ts'
import { type GrowthStores, openGrowthStores } from './growth-stores.ts'
import { measureIncrementFloor } from './increment-floor.ts'
import { markBooks } from './mark-books.ts'
import { type CheckTimes, type PostgresLayoutTimes, perCheck, type VolumeTimes } from './report.ts'
import { settleCash } from './settle-cash.ts'
import { assertVolume, type GrowthVolume, historyOf, incrementOf, type Stretch } from './volume.ts'

const TRANSACTIONS_TO_A_CYCLE = 10_000_000
/** The layout in PostgreSQL is there to be compared with the other: it is not measured above this. */
const POSTGRES_LAYOUT_TRANSACTIONS_MAX = 10_000_000
const MERGES_TIMEOUT_MS = 600_000
const SETTLING_RUNS_MAX = 50

/** How it is measured. */
export interface Measuring {
  /** Does one run, or keeps what one verified. */
  readonly work: DoJob
  /** How often each check is timed. */
  readonly rounds: number
  readonly progress: (what: string) => void
}

type Full = Pick<CheckTimes, 'fullMs' | 'fullRowsRead' | 'checkpointMs'>

/**
 * Measures one volume on fresh stores, which it drops: full runs, checkpoints out of them, then the increment and the runs that go on from the checkpoints, the raw
 * queries, and the audit. Throws where a run is not balanced, or read what it need not have read.
 */
export async function measureVolume(
  create: (name: string) => Promise<Stores>,
  volume: GrowthVolume,
  measuring: Measuring,
): Promise<VolumeTimes> {
  assertVolume(volume)
  const { work, rounds } = measuring
  const tell = (what: string) => measuring.progress(`${volume.transactions} transactions: ${what}`)
  const stores = await openGrowthStores(create)
  try {
    tell('making the history')
    await grow(stores, volume, historyOf(volume))
    const marked = await markHistory(stores, volume)
    tell('full runs, and checkpoints out of them')
    const full = new Map<GrowthCheck, Full>()
    // First what goes on from the checkpoints of others, while there are none.
    for (const check of GROWTH_CHECKS.filter(isSharing)) full.set(check, await runInFull(work, check, stores))
    for (const check of GROWTH_CHECKS.filter(each => !isSharing(each))) full.set(check, await runInFull(work, check, stores))
    const inPostgres = volume.transactions <= POSTGRES_LAYOUT_TRANSACTIONS_MAX ? await keepInPostgres(work, stores) : undefined
    tell('settling the custodian')
    const settling = await settleCustodian(work, stores, historyOf(volume).cash.last)
    tell(`${volume.increment} more`)
    await grow(stores, volume, incrementOf(volume))
    await markBooks(stores.clickhouse, marked + 1, incrementOf(volume).dropcopy.last)
    await awaitMerges(stores)
    tell('the floor')
    const floor = await measureIncrementFloor(stores.main)
    tell(`${rounds} runs of each check`)
    const times = new Map<GrowthCheck, Timed>()
    for (const check of GROWTH_CHECKS) times.set(check, await timed(measuring, check, stores.main))
    const postgresLayout = inPostgres === undefined ? undefined : await timePostgresLayout(measuring, stores, inPostgres)
    tell('the audit')
    const audit = await measureRun(work, 'history-audit', stores.main)
    return {
      volume,
      rows: await countRows(stores),
      checks: perCheck(check => ({ ...must(full, check), ...must(times, check), floorMs: floor[check] })),
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
async function settleCustodian(work: DoJob, { main }: GrowthStores, last: number): Promise<VolumeTimes['settling']> {
  const state = await openRecon(main.stateUrl)
  try {
    const memory = custodianMemory(state, main.custodian)
    let ms = 0
    for (let runs = 0; runs < SETTLING_RUNS_MAX; runs++) {
      const { sequence } = await memory.head(new AbortController().signal)
      if (sequence === BigInt(last)) return { runs, ms }
      ms += (await measureRun(work, 'omnibus-balances-square', main)).wallMs
    }
  } finally {
    await state.close()
  }
  throw new Error(`the custodian is not settled after ${SETTLING_RUNS_MAX} runs`)
}

/** Whether a check has no leg of its own. */
function isSharing(check: GrowthCheck): boolean {
  return check === 'pnl-is-zero-sum'
}

/** Runs a check that reads everything, and keeps what its own legs verified. */
async function runInFull(work: DoJob, check: GrowthCheck, { main }: GrowthStores): Promise<Full> {
  const { run, wallMs, rowsRead, kept } = await measureRun(work, check, main, !isSharing(check))
  assertVerified(run, false)
  return { fullMs: wallMs, fullRowsRead: rowsRead, checkpointMs: isSharing(check) ? 0 : keptMs(check, kept) }
}

async function keepInPostgres(work: DoJob, { inPostgres }: GrowthStores): Promise<number> {
  return keptMs('transactions-balance', (await measureRun(work, 'transactions-balance', inPostgres, true)).kept)
}

function keptMs(check: GrowthCheck, kept: JobResult['kept']): number {
  const { words, ms } = kept ?? { words: [], ms: 0 }
  const why = words.find(word => !word.startsWith('checkpoint '))
  if (words.length === 0 || why !== undefined) throw new Error(`no checkpoint was made of ${check}: ${why ?? 'it has nothing to keep'}`)
  return ms
}

async function timePostgresLayout(measuring: Measuring, stores: GrowthStores, checkpointMs: number): Promise<PostgresLayoutTimes> {
  return { checkpointMs, ...(await timed(measuring, 'transactions-balance', stores.inPostgres)) }
}

type Timed = Pick<CheckTimes, 'ms' | 'allMs' | 'rowsRead' | 'peakMB'>

async function timed({ work, rounds }: Measuring, subject: JobSubject, stores: JobStores): Promise<Timed> {
  const measured: JobResult[] = []
  for (let round = 0; round < rounds; round++) measured.push(await measureRun(work, subject, stores))
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
