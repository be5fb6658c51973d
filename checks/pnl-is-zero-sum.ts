import type { AsOfLeg } from '../epoch/leg.ts'
import type { Outcome } from '../epoch/verdict.ts'
import { MARK_STREAM, type MarkCycle } from '../stores/clickhouse/mark-cycles.ts'
import { clickHouseMarkLeg, marksAreCaughtUp } from '../stores/clickhouse/mark-leg.ts'
import { postgresEpochSource } from '../stores/postgres/epoch-source.ts'
import type { Attempt, Check } from './check.ts'
import type { CheckSources } from './check-sources.ts'
import { type AsOf, beginReading, type LegReading, readUntilComplete } from './read-as-of.ts'
import { historyLeg, lastOf, streamSources } from './reference-legs.ts'
import { judgeComparison } from './run-relation.ts'
import { type FoundCycle, findCycle, marksOf } from './zero-sum/find-cycle.ts'
import type { MarkingResult } from './zero-sum/marking.ts'
import { mergeMarks } from './zero-sum/merge-marks.ts'
import { nothingHeld } from './zero-sum/nothing-held.ts'

type ComputedCycle = Extract<FoundCycle, { readonly kind: 'computed' }>

const NAME = 'pnl-is-zero-sum'
const KEYS = ['account_id', 'symbol'] as const
const POSITION_SHAPE = { keys: KEYS, values: ['quantity', 'cost_basis', 'realized_pnl'], aggregating: false } as const
const REALIZED_SHAPE = { keys: KEYS, values: ['realized_pnl'], aggregating: true } as const

/**
 * The realized and unrealized PnL of all accounts comes to exactly zero, per symbol (design section 4), in the newest mark cycle that is vouched for, and every
 * mark is what position, transactions and the symbol's price as of the cycle's epoch say. It cannot see a price that is wrong for all accounts alike.
 */
export function pnlIsZeroSum(sources: CheckSources): Check {
  const positions = historyLeg(sources, 'positions', { shape: POSITION_SHAPE, values: lastOf(POSITION_SHAPE.values) })
  const transactions = historyLeg(sources, 'transactions', {
    shape: REALIZED_SHAPE,
    values: { realized_pnl: { aggregate: 'sum', column: 'amount' } },
    kind: 'realized_pnl',
  })
  return {
    name: NAME,
    description: 'ClickHouse PnL marks: realized + unrealized PnL of all accounts = 0, per symbol, and every mark is right',
    strategy: sources.horizon.strategy,
    attempt: attempt => checkCycle(sources, positions, transactions, attempt),
    histories: [positions, transactions],
  }
}

async function checkCycle(sources: CheckSources, positions: AsOfLeg, transactions: AsOfLeg, attempt: Attempt): Promise<Outcome> {
  const { options, record, scope, canary } = attempt
  const deadlineMs = Math.min(scope.clock.monotonicMs() + options.horizonTimeoutMs, attempt.patienceEndsMs)
  const engine = postgresEpochSource(sources.postgres, streamSources(sources))
  const found = await record.timed('wait', () =>
    findCycle(
      sources,
      transactions.streams,
      () => nothingHeld({ leg: positions, shape: POSITION_SHAPE }, engine, attempt),
      deadlineMs,
      scope,
    ),
  )
  if (found.kind === 'settled') return found.outcome
  if (found.kind === 'without-rows') return withoutRows(found.cycle, await marksAreCaughtUp(sources.clickhouse, marksOf(sources), scope))
  record.epoch = found.epoch
  record.epochOf = 'mark-cycle'
  if (!positions.streams.includes(found.facts.stream)) return ofForeignStream(found)

  const marks = clickHouseMarkLeg(sources.clickhouse, marksOf(sources), found)
  const asOf: AsOf = {
    legs: [
      { leg: marks, canary: canary.left },
      { leg: positions, canary: canary.right },
      { leg: transactions, canary: canary.right },
    ],
    epoch: { ...found.epoch, [MARK_STREAM]: found.cycle.number },
    deadlineMs,
  }
  const begun = await beginReading(asOf, record, scope)
  const { result, legs } = await readUntilComplete(asOf, begun, record, scope, async readings => {
    const merged = await record.timed('compare', () =>
      mergeMarks(
        { marks: linesOf(readings, marks), positions: linesOf(readings, positions), transactions: linesOf(readings, transactions) },
        { prices: found.facts.prices, listedMax: options.maxMismatches, canary, signal: scope.signal },
      ),
    )
    record.comparison = merged.comparison
    record.findings = merged.findings
    return merged
  })
  return judgeCycle(found, result, await judgeComparison(result.comparison, legs, attempt))
}

function withoutRows({ number, rowsTotal }: MarkCycle, caughtUp: boolean): Outcome {
  const reason = `the watermark of mark cycle ${number} vouches for ${rowsTotal} marks, and there is none`
  if (caughtUp) return { verdict: 'diff', reasonCode: 'rows-missing', reason }
  return { verdict: 'inconclusive', reasonCode: 'horizon-timeout', reason: `${reason}, and the server is not known to have caught up` }
}

function ofForeignStream({ cycle, facts }: ComputedCycle): Outcome {
  const computed = `mark cycle ${cycle.number} was computed at sequence ${facts.sequence} of stream ${JSON.stringify(facts.stream)}`
  return { verdict: 'diff', reasonCode: 'value-mismatch', reason: `${computed}, which moves no position here` }
}

/** The verdict of the primitive, sharpened by what was found in single marks: any of that is a difference, also where every sum is zero. */
function judgeCycle({ cycle, facts }: ComputedCycle, { findings, counts, keys, comparison }: MarkingResult, outcome: Outcome): Outcome {
  const all = [...counts.values()].reduce((sum, count) => sum + count, 0n)
  const which = `mark cycle ${cycle.number} at ${facts.stream} ${facts.sequence}`
  if (outcome.verdict === 'balanced' && all === 0n) {
    return { ...outcome, reason: `all ${comparison.keysCompared} symbols come to zero, and all ${keys} marks are right, in ${which}` }
  }
  const kinds = [...counts].map(([kind, count]) => `${kind} ${count}`).join(', ')
  const listed = all > BigInt(findings.length) ? `, of which ${findings.length} are listed` : ''
  const words = all === 0n ? '' : `${all} ${all === 1n ? 'finding' : 'findings'} (${kinds})${listed}`
  if (outcome.verdict === 'balanced') return { verdict: 'diff', reasonCode: 'value-mismatch', reason: `${words} in ${which}` }
  return { ...outcome, reason: [outcome.reason, words, `in ${which}`].filter(text => text !== '').join('; ') }
}

function linesOf(readings: readonly LegReading[], wanted: AsOfLeg) {
  const reading = readings.find(({ leg }) => leg === wanted)
  if (!reading) throw new Error(`a leg of ${NAME} was not read`)
  return reading.reading.lines
}
