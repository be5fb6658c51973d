import type { LegContext } from '../../epoch/leg.ts'
import { StoreError } from '../../epoch/store-error.ts'
import type { CustodianBalance, CustodianMovement } from '../../stores/custodian/custodian.ts'
import { poll } from '../../stores/poll.ts'
import type { SettledHead, SettledItems } from '../../stores/state/settled-record.ts'
import { asOfBalance } from './as-of-balance.ts'
import { type CustodianGap, gapsOf } from './consistency.ts'
import type { CustodySource } from './custody-source.ts'
import { endedAtMs } from './movements.ts'
import { NO_SETTLED_ITEMS, relatedSettled } from './related.ts'

/** What the custodian said, and where it contradicted itself to the end. */
export interface CustodianAnswer {
  /** When its balances had come, in milliseconds since 1970. */
  readonly atMs: number
  readonly balances: readonly CustodianBalance[]
  /** Those that are not settled, newest first in each vault. */
  readonly movements: readonly CustodianMovement[]
  readonly gaps: readonly CustodianGap[]
}

/**
 * Asks the custodian for its balances and its movements until the two agree, or the deadline has passed. They are separate requests, so that what ends in
 * between makes them differ: such a movement is taken for one that has not ended yet, once the list before the balances showed that it had not. Rejects with
 * `StoreError`.
 */
export async function askCustodian(
  source: CustodySource,
  head: SettledHead,
  deadlineMs: number,
  context: LegContext,
): Promise<CustodianAnswer> {
  let last: CustodianAnswer | undefined
  const ask = async (): Promise<CustodianAnswer> => {
    try {
      last = await askOnce(source, head, last, deadlineMs, context)
    } catch (error) {
      // A contradiction that was answered is not taken back by an answer that did not come.
      if (!last || !(error instanceof StoreError)) throw error
    }
    return last
  }
  return poll(ask, ({ gaps }) => gaps.length === 0, deadlineMs, context)
}

async function askOnce(
  { custodian, terms, memory }: CustodySource,
  head: SettledHead,
  before: CustodianAnswer | undefined,
  deadlineMs: number,
  context: LegContext,
): Promise<CustodianAnswer> {
  const balances = await custodian.balances(deadlineMs, context)
  const atMs = context.clock.wallMs()
  const listed = await custodian.movements(head.boundaries, deadlineMs, context)
  const settled = await settledAmong(listed, head, memory, context)
  // A list may go past its boundary: what is in the settled sums must not be counted a second time.
  const ids = new Set(settled.movements.map(({ id }) => id))
  const movements = listed.filter(({ id }) => !ids.has(id))
  assertDated(custodian.store, movements)
  const gaps = gapsOf({ balances, movements, settled: { sums: head.sums, ...NO_SETTLED_ITEMS } }, terms)
  const then = gaps.length > 0 && before ? asOfBalance(balances, movements, idsOfMoved(before.movements), head.sums, terms) : undefined
  return then ? { atMs, balances, movements: then, gaps: [] } : { atMs, balances, movements, gaps }
}

function idsOfMoved(movements: readonly CustodianMovement[]): ReadonlySet<string> {
  return new Set(movements.filter(({ state }) => state === 'success').map(({ id }) => id))
}

/** The settled items that share a name with what is not settled; none where nothing is. */
export async function settledAmong(
  movements: readonly CustodianMovement[],
  head: SettledHead,
  memory: CustodySource['memory'],
  { signal }: LegContext,
  transfers: SettledItems['transfers'] = [],
): Promise<SettledItems> {
  if (!memory || head.version === 0n) return NO_SETTLED_ITEMS
  return relatedSettled(movements, transfers, keys => memory.find(head, keys, signal))
}

/** Without the time at which it moved money, nobody can say for how long something has been on its way. */
function assertDated(store: string, movements: readonly CustodianMovement[]): void {
  const undated = movements.find(movement => movement.state === 'success' && endedAtMs(movement) === undefined)
  if (undated) throw new StoreError(store, 'store-error', `movement ${undated.id} has ended (${undated.status}) and does not say when`)
}
