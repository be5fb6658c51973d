import type { Epoch } from '../../epoch/epoch.ts'
import type { LegContext } from '../../epoch/leg.ts'
import type { StreamSource } from './postgres-rows.ts'
import type { PostgresStore } from './postgres-store.ts'
import { openSession } from './session.ts'
import { beginSnapshot, readEpoch } from './snapshot.ts'

/** Where a relation without a snapshot leg takes its epoch from: how far the engine of this PostgreSQL has folded the streams. */
export function postgresEpochSource(store: PostgresStore, streams: readonly StreamSource[]) {
  let answered = false
  return {
    store: store.name,
    /** Rejects with `StoreError`. */
    readEpoch: async (context: LegContext): Promise<Epoch> => {
      const session = await openSession(store, context, answered)
      answered = true
      try {
        await session.query(beginSnapshot(store))
        return await readEpoch(session, streams)
      } finally {
        await session.close()
      }
    },
  }
}
