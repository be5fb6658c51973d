import type { CustodianMovement } from '../../stores/custodian/custodian.ts'
import type { Finding } from './finding.ts'
import { inOrderOfMoving, isTransferred } from './movements.ts'
import type { Transfer } from './transfer.ts'

/** What belongs together: a reference belongs to exactly one movement of the custodian and one transfer of the books (design section 4). */
export interface Pairing {
  /** The movement of each transfer that has one of its own direction and asset. */
  readonly movementOf: ReadonlyMap<Transfer, CustodianMovement>
  /** Which transfer has each paired movement. */
  readonly transferOf: ReadonlyMap<CustodianMovement, Transfer>
  /** Transfers whose reference belongs to another, or to a movement that cannot be theirs: nothing of them is on its way. */
  readonly disputed: ReadonlySet<Transfer>
  /** Deposits and withdrawals whose reference no transfer carries; what has moved money first, the older before. */
  readonly unclaimed: readonly CustodianMovement[]
  readonly findings: readonly Finding[]
}

/**
 * Pairs movements with transfers, these in the order of their sequences. Of several movements under one reference it takes the one that fits
 * and moved money first; the others are claimed by nobody else, so that none of them is taken for one that is on its way.
 */
export function pairByReference(movements: readonly CustodianMovement[], transfers: readonly Transfer[]): Pairing {
  const transferred = movements.filter(isTransferred).sort(inOrderOfMoving)
  const byReference = indexByReference(transferred)
  const movementOf = new Map<Transfer, CustodianMovement>()
  const transferOf = new Map<CustodianMovement, Transfer>()
  const claimed = new Set<CustodianMovement>()
  const disputed = new Set<Transfer>()
  const firstOf = new Map<string, Transfer>()
  const findings: Finding[] = []
  for (const transfer of [...transfers].sort(inSequence)) {
    const named = byReference.get(transfer.reference) ?? []
    for (const movement of named) claimed.add(movement)
    const first = firstOf.get(transfer.reference) ?? onlyHolder(named, transferOf)
    if (first) {
      disputed.add(transfer)
      findings.push(usedTwice(transfer.reference, 'transfers', [first.transferId, transfer.transferId]))
      continue
    }
    firstOf.set(transfer.reference, transfer)
    if (named.length > 1)
      findings.push(
        usedTwice(
          transfer.reference,
          'movements',
          named.map(({ id }) => id),
        ),
      )
    const free = named.filter(movement => !transferOf.has(movement))
    const movement = free.find(candidate => fits(candidate, transfer)) ?? free[0]
    if (movement && fits(movement, transfer)) {
      movementOf.set(transfer, movement)
      transferOf.set(movement, transfer)
    } else if (movement) {
      disputed.add(transfer)
      findings.push(misfit(movement, transfer))
    }
  }
  return { movementOf, transferOf, disputed, unclaimed: transferred.filter(movement => !claimed.has(movement)), findings }
}

/** Whether a movement can be that of a transfer: it goes the same way, in the same asset. */
export function fits(movement: CustodianMovement, { direction, asset }: Transfer): boolean {
  return movement.kind === direction && movement.asset === asset
}

/** The references by which a transfer may name a movement. */
export function referencesOf({ id, description }: CustodianMovement): readonly string[] {
  return description === '' || description === id ? [id] : [id, description]
}

/** A finding that two movements, or two transfers, stand under one reference. */
export function usedTwice(reference: string, by: 'movements' | 'transfers', ids: readonly string[]): Finding {
  return { kind: 'reference-used-twice', key: { reference }, detail: { [by]: ids.join(', ') } }
}

function indexByReference(movements: readonly CustodianMovement[]): ReadonlyMap<string, readonly CustodianMovement[]> {
  const index = new Map<string, CustodianMovement[]>()
  for (const movement of movements) {
    for (const reference of referencesOf(movement)) {
      const named = index.get(reference)
      if (named) named.push(movement)
      else index.set(reference, [movement])
    }
  }
  return index
}

/** The transfer that has all the movements under a reference already, by their other name. */
function onlyHolder(named: readonly CustodianMovement[], transferOf: ReadonlyMap<CustodianMovement, Transfer>): Transfer | undefined {
  const holders = named.map(movement => transferOf.get(movement))
  return holders.includes(undefined) ? undefined : holders[0]
}

function misfit(movement: CustodianMovement, { transferId, direction, asset, reference, amount }: Transfer): Finding {
  const seen = { transfer_id: transferId, movement_id: movement.id }
  if (movement.kind !== direction) {
    return { kind: 'direction-mismatch', key: { reference }, detail: { ...seen, books: direction, custodian: movement.kind } }
  }
  const [books, custodian] = [`${amount} ${asset}`, `${movement.amount} ${movement.asset}`]
  return { kind: 'asset-mismatch', key: { reference }, detail: { ...seen, books, custodian } }
}

function inSequence(a: Transfer, b: Transfer): number {
  return a.sequence < b.sequence ? -1 : a.sequence > b.sequence ? 1 : 0
}
