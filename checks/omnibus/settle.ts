import type { CustodianMovement, SettledBoundary } from '../../stores/custodian/custodian.ts'
import type { SettledAdvance, SettledHead } from '../../stores/state/settled-record.ts'
import { sumMovements } from './consistency.ts'
import type { OmnibusFacts, OmnibusTerms } from './facts.ts'
import type { OmnibusMatch } from './match.ts'
import { isTransferred, isUnclassified } from './movements.ts'
import type { Transfer } from './transfer.ts'

/**
 * What may be settled after a balanced run: in each vault the oldest movements, as far as every one of them is final and matched with a transfer as of E
 * (or failed, or internal, or classified), and of the transfers the first ones, as far as every one of them is matched with a settled movement. Undefined
 * where that is nothing. `movementsMax` bounds one advance; the rest comes with the next run.
 */
export function nextSettled(
  head: SettledHead,
  facts: OmnibusFacts,
  match: OmnibusMatch,
  { classification }: OmnibusTerms,
  movementsMax: number,
): SettledAdvance | undefined {
  const { pairing, refundOf } = match
  const isFinal = (movement: CustodianMovement) => {
    if (movement.state === 'pending' || isUnclassified(movement, classification)) return false
    if (!isTransferred(movement)) return true
    const transfer = pairing.transferOf.get(movement)
    // A failed movement that no transfer names has moved nothing; one that a transfer names is closed by the refund alone.
    return movement.state === 'failed' ? transfer === undefined || refundOf.has(transfer) : transfer !== undefined
  }
  const movements = [...byVault(facts.movements).values()]
    .flatMap(newestFirst => takeWhile([...newestFirst].reverse(), isFinal))
    .slice(0, movementsMax)
  const settled = new Set([...facts.settled.movements, ...movements])
  const givenBack = new Map([...refundOf].map(([withdrawal, refund]) => [refund, withdrawal]))
  /** Whether nothing can come for a transfer any more: its movement is settled, and where that failed it was given back. */
  const isClosed = (transfer: Transfer) => {
    const withdrawal = pairing.movementOf.has(transfer) ? transfer : givenBack.get(transfer)
    const movement = withdrawal && pairing.movementOf.get(withdrawal)
    if (!withdrawal || !movement) return false
    return settled.has(movement) && (movement.state === 'success' || refundOf.has(withdrawal))
  }
  const transfers = takeWhile(
    [...facts.transfers].sort((a, b) => (a.sequence < b.sequence ? -1 : 1)),
    isClosed,
  )
  if (movements.length === 0 && transfers.length === 0) return undefined
  return {
    boundaries: boundariesAfter(head.boundaries, movements),
    sequence: transfers.at(-1)?.sequence ?? head.sequence,
    sums: sumMovements(head.sums, movements, classification),
    movements,
    transfers,
  }
}

function byVault(movements: readonly CustodianMovement[]): ReadonlyMap<string, readonly CustodianMovement[]> {
  const vaults = new Map<string, CustodianMovement[]>()
  for (const movement of movements) {
    const listed = vaults.get(movement.vault)
    if (listed) listed.push(movement)
    else vaults.set(movement.vault, [movement])
  }
  return vaults
}

/** The newest settled movement of each vault: that of the last one in the order of settling, or the one before. */
function boundariesAfter(before: readonly SettledBoundary[], settled: readonly CustodianMovement[]): readonly SettledBoundary[] {
  const boundaries = new Map(before.map(({ vault, id }) => [vault, id]))
  for (const { vault, id } of settled) boundaries.set(vault, id)
  return [...boundaries].map(([vault, id]) => ({ vault, id }))
}

function takeWhile<T>(items: readonly T[], holds: (item: T) => boolean): readonly T[] {
  const end = items.findIndex(item => !holds(item))
  return end === -1 ? items : items.slice(0, end)
}
