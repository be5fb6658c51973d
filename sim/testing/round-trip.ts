import type { LegContext } from '../../epoch/leg.ts'

/** What a leg asks its store for, each a round trip of its own. */
export type Operation =
  | 'connect'
  | 'begin'
  | 'epoch'
  | 'stamps'
  | 'rows'
  | 'commit'
  | 'watermarks'
  | 'read'
  | 'more'
  | 'count'
  | 'conflicts'

/**
 * Called before a store answers: it may sleep on the context's clock, so that others get to write meanwhile, and reject as the store would, with a `StoreError`.
 * What the store answers is what it holds when this has resolved.
 */
export type RoundTrip = (operation: Operation, context: LegContext) => Promise<void>

/** The round trip of a store that answers at once. */
export const atOnce: RoundTrip = async (_operation, { signal }) => signal.throwIfAborted()
