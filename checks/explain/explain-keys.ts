import { formatDecimal } from '../../epoch/decimal.ts'
import { type Epoch, sequenceOf } from '../../epoch/epoch.ts'
import type { LedgerFact } from '../../epoch/fact.ts'
import type { Mismatch } from '../../epoch/mismatch.ts'
import type { AmountTexts } from './amounts.ts'
import { type CauseEvidence, healedCause, judgeCause, type View } from './cause.ts'
import type { DifferenceCounts, FactDifference } from './difference.ts'
import type { DifferenceList } from './difference-list.ts'
import { placeDifferences, type Surroundings, whoKnows } from './elsewhere.ts'
import { compareMoments, countTexts, factEntry, partingOf, rowEntry, suspectEntry } from './entries.ts'
import type { KeyExplanation } from './explanation.ts'
import type { HistoryFacts, LogFacts, Place, UnbalancedEvent } from './ports.ts'
import type { RecordedRun } from './recorded-run.ts'
import type { Suspects } from './suspect-runs.ts'

/** What explaining keys needs: where facts are read, as of which epoch, and how much may be listed and read. */
export interface ExplainContext {
  readonly log: LogFacts
  readonly history: HistoryFacts
  readonly epoch: Epoch
  /** Facts listed for each key. */
  readonly limit: number
  /** Facts read for each key. */
  readonly factsMax: number
  /** In which asset each symbol settles. */
  readonly assets: ReadonlyMap<string, string>
}

/** What was gathered of one key, before it is judged. */
export interface KeyEvidence {
  readonly mismatch: Mismatch
  readonly differences: DifferenceList
  readonly state: View | undefined
  readonly stateChangedSince: boolean
  readonly log: View
  readonly histories: readonly View[]
  readonly aggregating: boolean
  readonly stands: boolean
  /** The view that says something else than when the run read it, and what it said then; undefined where none is known to. */
  readonly changed: { readonly view: View; readonly before: AmountTexts | null } | undefined
  readonly read: { readonly postgres: bigint; readonly clickhouse: bigint; readonly repeated: bigint }
  /** Stretches of the streams in which facts differ that were not read. */
  readonly segmentsLeftOut: bigint
  /** Rows of kinds that no log of PostgreSQL confirms: how many of each, and the last ones; absent where there can be none. */
  readonly unlogged: { readonly counts: Readonly<Record<string, bigint>>; readonly rows: readonly LedgerFact[] } | undefined
  readonly suspects: Suspects | undefined
  readonly unbalancedEvents: readonly UnbalancedEvent[]
  readonly truncated: boolean
}

/** How many more content addresses are looked up, and sequences looked at, than keys and facts are listed. */
const LOOKUPS_MAX = 1_000

const NO_SUSPECTS: Suspects = { runs: [], count: 0n }

/** Judges keys together, since one that lost a row accounts for a run that missed one. `run` says how many it missed, and whether anything vouched for the others. */
export async function judgeKeys(
  keys: readonly KeyEvidence[],
  { rowsShort, vouched }: Pick<RecordedRun, 'rowsShort' | 'vouched'>,
  context: ExplainContext,
): Promise<readonly KeyExplanation[]> {
  const surroundings = await lookAround(
    // The first ones first: what is wrong is judged by them, and only so many are looked at.
    [...keys.flatMap(key => key.differences.firsts), ...keys.flatMap(key => key.differences.listed)],
    context,
  )
  const missing = keys.reduce((sum, { differences }) => sum + differences.counts.missing, 0n)
  const rowsUnaccounted = rowsShort > missing ? rowsShort - missing : 0n
  return keys.map(key => judgeKey(key, surroundings, { rowsUnaccounted, vouched }, context.limit))
}

async function lookAround(differences: readonly FactDifference[], { log, history, assets, epoch }: ExplainContext): Promise<Surroundings> {
  if (differences.length === 0) return { logged: [], history: [], namesakes: [] }
  const places = new Map<string, Place>(
    differences.slice(0, LOOKUPS_MAX).map(({ stream, sequence }) => [`${sequence} ${stream}`, { stream, sequence }]),
  )
  const ids = differences.flatMap(({ kind, ids: { transaction_id: id } }) => (kind === 'extra' && id !== undefined ? [id] : []))
  const namesakes = await history.transactionsWithIds([...new Set(ids)].slice(0, LOOKUPS_MAX))
  return {
    logged: await log.ledgerAt([...places.values()], assets),
    history: await history.transactionsAt([...places.values()]),
    namesakes: namesakes.filter(({ stream, sequence }) => sequence <= sequenceOf(epoch, stream)),
  }
}

function judgeKey(
  key: KeyEvidence,
  surroundings: Surroundings,
  { rowsUnaccounted, vouched }: Pick<CauseEvidence, 'rowsUnaccounted' | 'vouched'>,
  limit: number,
): KeyExplanation {
  const { mismatch, state, log, histories, unlogged, unbalancedEvents, differences: found } = key
  const differences = placeDifferences(found.listed, surroundings)
  const facts = differences.map(factEntry)
  const firsts = [...found.firsts].sort((a, b) => compareMoments(a, b))
  const evidence: CauseEvidence = {
    ...(state ? { state } : {}),
    log,
    histories,
    firstKnownTo: firsts[0] && whoKnows(firsts[0], surroundings),
    aggregating: key.aggregating,
    unlogged: unlogged !== undefined,
    vouched,
    rowsUnaccounted,
    unbalancedEvents: unbalancedEvents.length,
    truncated: key.truncated,
  }
  const likelyWrong = key.stands ? judgeCause(evidence) : healedCause(key.changed?.view, key.changed?.before ?? null)
  // Facts are suspected only where none is known to differ, of a row that is there.
  const accused = key.stands && firsts.length === 0 && likelyWrong.store !== 'clickhouse' && state !== undefined && state.values !== null
  const suspects = accused ? (key.suspects ?? NO_SUSPECTS) : NO_SUSPECTS
  const total = Object.values(found.counts).reduce((sum, count) => sum + count, 0n)
  const unloggedTotal = Object.values(unlogged?.counts ?? {}).reduce((sum, count) => sum + count, 0n)
  const suspectEntries = suspects.runs.map(run => suspectEntry(run, limit))
  return {
    key: mismatch.key,
    recorded: { left: mismatch.left, right: mismatch.right, difference: mismatch.difference },
    outcome: key.stands ? 'stands' : 'healed',
    says: Object.fromEntries([...(state ? [state] : []), log, ...histories].map(view => [`${view.store}.${view.part}`, view.values])),
    stateChangedSince: key.stateChangedSince,
    facts,
    factCounts: countTexts(recount(found.listed, differences, found.counts)),
    factsLeftOut: (total - BigInt(facts.length)).toString(),
    segmentsLeftOut: key.segmentsLeftOut.toString(),
    read: countTexts(key.read),
    unlogged: {
      counts: countTexts(unlogged?.counts ?? {}),
      rows: (unlogged?.rows ?? []).map(rowEntry),
      leftOut: (unloggedTotal - BigInt(unlogged?.rows.length ?? 0)).toString(),
    },
    unbalancedEvents: unbalancedEvents.map(({ stream, sequence, sum }) => ({
      stream,
      sequence: sequence.toString(),
      sum: formatDecimal(sum),
    })),
    suspects: { runs: suspectEntries, leftOut: (suspects.count - BigInt(suspects.runs.length)).toString() },
    parted: partingOf(firsts.length > 0 ? firsts.map(factEntry) : suspectEntries.length === 1 ? (suspectEntries[0]?.rows ?? []) : []),
    likelyWrong,
  }
}

/** Beside its own key an extra fact may have turned out to be a duplicate. */
function recount(before: readonly FactDifference[], after: readonly FactDifference[], counts: DifferenceCounts): DifferenceCounts {
  const turned = BigInt(after.filter(({ kind }, at) => kind !== before[at]?.kind).length)
  return { ...counts, extra: counts.extra - turned, duplicated: counts.duplicated + turned }
}
