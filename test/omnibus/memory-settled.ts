import type { SettledHistory } from '../../stores/state/settled-history.ts'
import {
  NOTHING_SETTLED,
  type SettledAdvance,
  type SettledHead,
  type SettledItems,
  type SettledKeys,
} from '../../stores/state/settled-record.ts'

/** What recon's own database remembers of a custodian, in memory, for tests without one. */
export function memorySettled(): Omit<SettledHistory, 'noteGaps'> & { readonly items: SettledItems } {
  let head: SettledHead = { era: 0n, version: 0n, boundaries: [], sequence: 0n, sums: NOTHING_SETTLED }
  const items = { movements: [] as SettledItems['movements'][number][], transfers: [] as SettledItems['transfers'][number][] }
  return {
    items,
    head: async () => head,
    find: async (_head: unknown, { references, transferIds }: SettledKeys) => ({
      movements: items.movements.filter(({ id, description }) => references.includes(id) || references.includes(description)),
      transfers: items.transfers.filter(({ transferId, reference }) => references.includes(reference) || transferIds.includes(transferId)),
    }),
    advance: async (from: SettledHead, advance: SettledAdvance) => {
      if (from.version !== head.version) return false
      head = { ...head, ...advance, version: head.version + 1n }
      items.movements.push(...advance.movements)
      items.transfers.push(...advance.transfers)
      return true
    },
  }
}
