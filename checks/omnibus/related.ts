import type { CustodianMovement } from '../../stores/custodian/custodian.ts'
import type { SettledItems, SettledKeys } from '../../stores/state/settled-record.ts'
import { isTransferred } from './movements.ts'
import { referencesOf } from './pairing.ts'
import { refundedTransferId, refundReference, type Transfer } from './transfer.ts'

/** No settled item. */
export const NO_SETTLED_ITEMS: SettledItems = { movements: [], transfers: [] }

/**
 * Finds the settled items that belong to what is not settled, directly or through other settled ones, so that a settled reference that is used again is
 * judged exactly as if nothing were settled. `find` is asked until it finds nothing new.
 */
export async function relatedSettled(
  movements: readonly CustodianMovement[],
  transfers: readonly Transfer[],
  find: (keys: SettledKeys) => Promise<SettledItems>,
): Promise<SettledItems> {
  const found = { movements: new Map<string, CustodianMovement>(), transfers: new Map<string, Transfer>() }
  const asked = { references: new Set<string>(), transferIds: new Set<string>() }
  // The list of a vault may come by an item that is settled through another: ids are asked for whatever the kind.
  let keys = keysOf({ movements, transfers }, asked)
  while (keys.references.length > 0 || keys.transferIds.length > 0) {
    const items = await find(keys)
    for (const movement of items.movements) found.movements.set(movement.id, movement)
    for (const transfer of items.transfers) found.transfers.set(transfer.transferId, transfer)
    keys = keysOf(items, asked)
  }
  return { movements: [...found.movements.values()], transfers: [...found.transfers.values()] }
}

/** The names under which others may know the items, those left out that were asked for already. */
function keysOf(
  { movements, transfers }: SettledItems,
  asked: { readonly references: Set<string>; readonly transferIds: Set<string> },
): SettledKeys {
  const references = [
    ...movements.flatMap(movement => (isTransferred(movement) ? referencesOf(movement) : [movement.id])),
    ...transfers.map(({ reference }) => reference),
    ...transfers.filter(({ direction }) => direction === 'withdrawal').map(({ transferId }) => refundReference(transferId)),
  ]
  const transferIds = transfers.flatMap(transfer => refundedTransferId(transfer) ?? [])
  return { references: notYet(references, asked.references), transferIds: notYet(transferIds, asked.transferIds) }
}

function notYet(names: readonly string[], asked: Set<string>): readonly string[] {
  const fresh = [...new Set(names)].filter(name => !asked.has(name))
  for (const name of fresh) asked.add(name)
  return fresh
}
