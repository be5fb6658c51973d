import { formatDecimal, isZeroDecimal } from '../../epoch/decimal.ts'
import type { LedgerFact } from '../../epoch/fact.ts'
import { sumOf } from './amounts.ts'
import type { FactDifference } from './difference.ts'
import { isLoggedEffect } from './logged-effects.ts'
import { distinctFacts, matchFacts } from './match-facts.ts'
import type { Place } from './ports.ts'

/** Everything that both sides say of the sequences at which facts differ, whoever it concerns. */
export interface Surroundings {
  readonly logged: readonly LedgerFact[]
  readonly history: readonly LedgerFact[]
  /** The rows that stand under one of the content addresses of extra facts, wherever they are. */
  readonly namesakes: readonly LedgerFact[]
}

/**
 * Adds to differences what can only be seen beside their own key: a missing fact that stands under another account or asset, an extra one that belongs to
 * another, and an extra one whose content address belongs to another fact, which makes it a duplicate.
 */
export function placeDifferences(differences: readonly FactDifference[], surroundings: Surroundings): readonly FactDifference[] {
  return differences.map(difference => {
    if (difference.kind === 'extra') {
      const twin = surroundings.namesakes.find(row => isNamesake(row, difference, differences))
      if (twin) return { ...difference, kind: 'duplicated', twin: { stream: twin.stream, sequence: twin.sequence, ids: twin.ids } }
    }
    const wanted = { missing: 'extra', extra: 'missing', altered: undefined, duplicated: undefined }[difference.kind]
    const match = wanted && unmatchedAt(difference, surroundings).find(other => other.kind === wanted && saysTheSame(other, difference))
    return match
      ? { ...difference, ids: { ...match.ids, ...difference.ids }, elsewhere: { account: match.account, asset: match.asset } }
      : difference
  })
}

/**
 * Whose the event of a sequence is: one that both know; one that only ClickHouse knows, as a whole execution; one that only the log knows; or one of which
 * ClickHouse has parts that make no whole.
 */
export function whoKnows(place: Place, { logged, history }: Surroundings): 'both' | 'history' | 'log' | 'nobody' {
  const at = (facts: readonly LedgerFact[]) => facts.filter(fact => fact.stream === place.stream && fact.sequence === place.sequence)
  const rows = distinctFacts(at(history))
  if (at(logged).length > 0) return rows.length > 0 ? 'both' : 'log'
  return isWholeExecution(rows) ? 'history' : 'nobody'
}

/** What an execution leaves: what was realized, and a fee that one account pays and another one is credited with. */
function isWholeExecution(rows: readonly LedgerFact[]): boolean {
  const fees = rows.filter(row => row.effect === 'fee')
  const realized = rows.filter(row => row.effect === 'realized_pnl')
  const balanced = isZeroDecimal(sumOf(fees.map(fee => fee.amount)))
  return rows.every(isLoggedEffect) && realized.length === 1 && fees.length === 2 && balanced
}

/** What differs at a sequence over all accounts, found anew, since its facts need not be of keys that differ. */
function unmatchedAt({ stream, sequence }: Place, { logged, history }: Surroundings): readonly FactDifference[] {
  const at = (facts: readonly LedgerFact[]) => facts.filter(fact => fact.stream === stream && fact.sequence === sequence)
  const rows = distinctFacts(at(history)).filter(isLoggedEffect)
  const facts = at(logged)
  const keys = new Map([...facts, ...rows].map(({ account, asset }) => [JSON.stringify([account, asset]), { account, asset }]))
  return [...keys.values()].flatMap(({ account, asset }) => {
    const ofKey = (fact: LedgerFact) => fact.account === account && fact.asset === asset
    return matchFacts(facts.filter(ofKey), rows.filter(ofKey))
  })
}

/** Whether a row stands under the address of an extra one without being it. Of several that nobody knows the first is the extra one, and the others repeat it. */
function isNamesake(row: LedgerFact, extra: FactDifference, differences: readonly FactDifference[]): boolean {
  if (row.ids['transaction_id'] !== extra.ids['transaction_id'] || isRowOf(row, extra)) return false
  const unknown = differences.findIndex(other => other.kind === 'extra' && isRowOf(row, other))
  return unknown < 0 || unknown < differences.indexOf(extra)
}

function isRowOf({ stream, sequence, account, asset, effect, symbol, amount, time }: LedgerFact, difference: FactDifference): boolean {
  const samePlace = stream === difference.stream && sequence === difference.sequence && time === difference.time
  const sameKey =
    account === difference.account && asset === difference.asset && symbol === difference.symbol && effect === difference.effect
  return samePlace && sameKey && formatDecimal(amount) === difference.clickhouse?.['amount']
}

/** Whether the one could be the other under another key. */
function saysTheSame(a: FactDifference, b: FactDifference): boolean {
  const amount = ({ postgres, clickhouse }: FactDifference) => (postgres ?? clickhouse)?.['amount']
  return a.effect === b.effect && a.symbol === b.symbol && amount(a) === amount(b)
}
