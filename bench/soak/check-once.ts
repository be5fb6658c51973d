import type { Run } from '../../checks/run.ts'
import type { Exchange } from '../../sim/exchange/exchange.ts'
import { compareNaively } from './naive-comparison.ts'
import type { PinnedChecks } from './pinned-checks.ts'
import type { SoakRecord } from './soak-record.ts'
import { readVouched, type SoakStores } from './soak-stores.ts'

/** The check beside which the naive comparison is made. */
const NAIVE_BESIDE = 'transactions-balance'

/** What one run needs of the soak. */
export interface RunTools {
  readonly checks: PinnedChecks
  readonly stores: SoakStores
  readonly exchange: Exchange
  readonly record: SoakRecord
  readonly say: (words: string) => void
  readonly eventsPerSecond: number
}

/** One pinned run; beside one of the checks the naive comparison that begins with it, and how far the sink was behind. */
export async function checkOnce(name: string, tools: RunTools): Promise<void> {
  const { checks, record, say } = tools
  const run = name === NAIVE_BESIDE ? await checkBesideNaive(tools) : await checks.run(name)
  record.runs.push(run)
  if (run.verdict !== 'balanced') say(JSON.stringify(run))
}

async function checkBesideNaive({ checks, stores, exchange, record, eventsPerSecond }: RunTools): Promise<Run> {
  const [vouched, { published }] = [await readVouched(stores), exchange.status()]
  const [run, differing] = await Promise.all([checks.run(NAIVE_BESIDE), compareNaively(stores.postgres, stores.clickhouse)])
  record.naive.push(differing)
  if (run.epoch === null) return run
  const events = Number(BigInt(run.epoch['dropcopy'] ?? '0') - vouched)
  const ms = Math.round((Number(published - vouched) * 1_000) / eventsPerSecond)
  record.lags.push({ events: Math.max(0, events), ms: Math.max(0, ms) })
  return run
}

/** Gives the names one after the other, again and again. */
export function roundRobin(names: readonly string[]): () => string {
  let at = 0
  return () => {
    const name = names[at++ % names.length]
    if (name === undefined) throw new Error('there is no check to run')
    return name
  }
}
