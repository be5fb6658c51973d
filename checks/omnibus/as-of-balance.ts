import type { CustodianBalance, CustodianMovement } from '../../stores/custodian/custodian.ts'
import type { SettledSums } from '../../stores/state/settled-record.ts'
import { gapsOf } from './consistency.ts'
import type { OmnibusTerms } from './facts.ts'
import { endedAtMs } from './movements.ts'

/** How many movements that ended while the custodian was asked are tried; where there are more, it is asked again. */
const MOVED_SINCE_MAX = 500

/**
 * The movements as they stood when the balances were read, for balances that are older than the list. Of what had not moved in the list before them, the last
 * ones may have moved since: they are taken back, one after the other in the order of their ends, until list and balances agree. Undefined where they never do.
 * What had moved in the list before (`movedBefore`, ids) is in the balances, and is never taken back, so that nothing old can make up for something hidden.
 */
export function asOfBalance(
  balances: readonly CustodianBalance[],
  movements: readonly CustodianMovement[],
  movedBefore: ReadonlySet<string>,
  sums: SettledSums,
  terms: OmnibusTerms,
): readonly CustodianMovement[] | undefined {
  const since = movements.filter(({ id, state }) => state === 'success' && !movedBefore.has(id))
  if (since.length > MOVED_SINCE_MAX) return undefined
  const lastFirst = [...since].sort((a, b) => (endedAtMs(b) ?? 0) - (endedAtMs(a) ?? 0))
  const takenBack = new Set<CustodianMovement>()
  for (const movement of lastFirst) {
    takenBack.add(movement)
    const then = movements.map(each => (takenBack.has(each) ? notYetMoved(each) : each))
    if (gapsOf({ balances, movements: then, settled: { sums, movements: [], transfers: [] } }, terms).length === 0) return then
  }
  return undefined
}

function notYetMoved(movement: CustodianMovement): CustodianMovement {
  return { ...movement, state: 'pending', endedAt: null }
}
