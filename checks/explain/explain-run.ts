import { epochToJson } from '../../epoch/epoch.ts'
import type { Mismatch } from '../../epoch/mismatch.ts'
import { firstParting } from './entries.ts'
import { gatherBalances } from './explain-balances.ts'
import { positionsOf, transfersOf } from './explain-findings.ts'
import { type ExplainContext, judgeKeys, type KeyEvidence } from './explain-keys.ts'
import { gatherPositions, gatherRealized } from './explain-positions.ts'
import type { Explanation, KeyExplanation } from './explanation.ts'
import type { HistoryFacts, LogFacts } from './ports.ts'
import type { RecordedRun } from './recorded-run.ts'

/** How much an explanation may list: keys, and facts for each of them; and how many facts of a key it may read. */
export interface ExplainBounds {
  readonly keysMax: number
  readonly limit: number
  readonly factsMax: number
}

/** Where facts are read. */
export interface FactStores {
  readonly log: LogFacts
  readonly history: HistoryFacts
}

/** How the keys of a check are explained, for those whose facts are known. */
const GATHERERS: Readonly<Record<string, (mismatches: readonly Mismatch[], context: ExplainContext) => Promise<readonly KeyEvidence[]>>> = {
  'transactions-balance': gatherBalances,
  'positions-match': gatherPositions,
  'position-realized-pnls-balance': gatherRealized,
}

const WITH_CUSTODIAN = 'omnibus-balances-square'
const PER_SYMBOL = 'pnl-is-zero-sum'

/**
 * Takes a recorded difference down to facts, as of the run's epoch. `connect` is called only for a run that needs the stores. Rejects with `StoreError` where they
 * cannot answer.
 */
export async function explainRun(run: RecordedRun, connect: () => Promise<FactStores>, bounds: ExplainBounds): Promise<Explanation> {
  const blank = blankOf(run, bounds)
  if (run.verdict !== 'diff') return { ...blank, outcome: 'nothing-to-explain', summary: nothingToExplain(run) }
  const gather = Object.hasOwn(GATHERERS, run.check) ? GATHERERS[run.check] : undefined
  const withFindings = run.check === WITH_CUSTODIAN || run.check === PER_SYMBOL
  const mismatches = run.mismatches.slice(0, bounds.keysMax)
  if (run.epoch === null || !(gather || withFindings)) {
    const why = `nothing is known here of the facts behind the check ${run.check}; what it recorded is all there is`
    return { ...blank, outcome: 'not-explainable', summary: why, mismatches }
  }
  const { log, history } = await connect()
  const context = { log, history, epoch: run.epoch, limit: bounds.limit, factsMax: bounds.factsMax }
  if (gather) {
    const assets = await history.assetsOfSymbols(run.epoch)
    const whole = { ...context, assets }
    const keys = await judgeKeys(await gather(mismatches, whole), run, whole)
    return { ...blank, outcome: 'explained', summary: summaryOf(run, keys), parted: firstParting(keys.map(key => key.parted)), keys }
  }
  const transfers = run.check === WITH_CUSTODIAN ? await transfersOf(run, context) : []
  const positions = run.check === PER_SYMBOL ? await positionsOf(run, context) : []
  return { ...blank, outcome: 'explained', summary: summaryOfFindings(run), mismatches, transfers, positions }
}

function blankOf(run: RecordedRun, { keysMax, limit }: ExplainBounds): Omit<Explanation, 'outcome' | 'summary'> {
  const { runId, check, verdict, reasonCode, reason, epoch, mismatchCount, mismatches, findings, explained } = run
  return {
    schema: 'recon.explain/1',
    runId,
    check,
    verdict,
    reasonCode,
    reason,
    epoch: epoch && epochToJson(epoch),
    parted: null,
    keysDiffering: mismatchCount.toString(),
    keysLeftOut: (mismatchCount - BigInt(Math.min(mismatches.length, keysMax))).toString(),
    keys: [],
    mismatches: [],
    findings: findings.slice(0, limit),
    findingsLeftOut: Math.max(0, findings.length - limit).toString(),
    explained: explained.slice(0, limit),
    explainedLeftOut: Math.max(0, explained.length - limit).toString(),
    transfers: [],
    positions: [],
  }
}

function nothingToExplain({ verdict, reason }: RecordedRun): string {
  if (verdict === 'balanced') return 'the run was balanced: there is nothing to explain'
  return `the run could not check (${reason}): there is no difference to explain`
}

function summaryOf(run: RecordedRun, keys: readonly KeyExplanation[]): string {
  if (keys.length === 0) return `no key differs, and so no fact can be looked for by its key; the run says: ${run.reason}`
  const facts = (['missing', 'extra', 'altered', 'duplicated'] as const).flatMap(kind => {
    const count = keys.reduce((sum, { factCounts }) => sum + BigInt(factCounts[kind]), 0n)
    return count > 0n ? [`${count} ${kind}`] : []
  })
  const standing = keys.filter(key => key.outcome === 'stands')
  const accused = (['clickhouse', 'postgres', null] as const).flatMap(store => {
    const count = standing.filter(({ likelyWrong }) => likelyWrong.store === store).length
    const name = store === null ? 'undecided' : `${store === 'postgres' ? 'PostgreSQL' : 'ClickHouse'} likely wrong`
    return count > 0 ? [`${name} in ${count}`] : []
  })
  const healed = keys.length - standing.length
  return [
    `${keys.length} of ${run.mismatchCount} differing keys`,
    facts.length > 0 ? `facts: ${facts.join(', ')}` : 'no logged fact differs',
    ...(accused.length > 0 ? [accused.join(', ')] : []),
    ...(healed > 0 ? [`healed since: ${healed}`] : []),
  ].join('; ')
}

function summaryOfFindings({ findings, reason }: RecordedRun): string {
  return findings.length === 0
    ? `the run found nothing beside the keys that differ: ${reason}`
    : `${findings.length} findings of the run: ${reason}`
}
