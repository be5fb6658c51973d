import { formatDecimal } from '../../epoch/decimal.ts'
import type { LedgerFact } from '../../epoch/fact.ts'
import { alteredFact, areTwins, type FactDifference, missingFact, sameEffect, surplusFact } from './difference.ts'

/**
 * Matches what the logs say that one sequence did to one balance with ClickHouse's rows of it. The content address is opaque, so facts are matched by what they
 * say: equal ones first, then those of one kind whose amounts differ. Of several that could be meant, the one that a twin vouches for is not. Rows must be
 * distinct in some column.
 */
export function matchFacts(logged: readonly LedgerFact[], history: readonly LedgerFact[]): readonly FactDifference[] {
  const open = [...history]
  const settled: LedgerFact[] = []
  const take = (fits: (row: LedgerFact) => boolean): LedgerFact | undefined => {
    const at = open.findIndex(fits)
    const [row] = at < 0 ? [] : open.splice(at, 1)
    if (row) settled.push(row)
    return row
  }
  const twinOf = (row: LedgerFact) => settled.find(other => areTwins(other, row))

  const unmatched = logged.filter(fact => !take(row => sameEffect(fact, row)))
  const differences = unmatched.map(fact => {
    const row = take(candidate => candidate.effect === fact.effect && !twinOf(candidate))
    return row ? alteredFact(fact, row) : missingFact(fact)
  })
  const surplus = open.map(row => {
    const twin = twinOf(row)
    settled.push(row)
    return surplusFact(row, twin)
  })
  return [...differences, ...surplus]
}

/** Takes out the rows that say in every column what another one says: repeated deliveries, which are no fault. */
export function distinctFacts(rows: readonly LedgerFact[]): readonly LedgerFact[] {
  if (rows.length < 2) return rows
  return [...new Map(rows.map(row => [everythingIn(row), row])).values()]
}

function everythingIn({ stream, sequence, effect, account, asset, symbol, amount, time, ids }: LedgerFact): string {
  return JSON.stringify([stream, sequence.toString(), effect, account, asset, symbol, formatDecimal(amount), time, ids])
}
