import type { DropcopyEvent } from '../exchange/dropcopy-event.ts'
import { moneyText } from '../exchange/fixed-point.ts'
import type { LedgerTransaction } from '../exchange/ledger.ts'
import type { PlannedFault } from './planned-fault.ts'
import type { PlantedPart } from './planted-fault.ts'

/** What the trade-engine adds to balances for one event, once the faults had their way. */
export interface EngineOutput {
  readonly apply: readonly LedgerTransaction[]
  readonly planted: readonly PlantedPart[]
}

const DOUBLED_EVENTS = 10n

/** Applies the trade-engine's faults to what one event adds to balances; like the sink's, a function of the fault and the event alone. */
export function distortBalances(
  faults: readonly PlannedFault[],
  event: DropcopyEvent,
  transactions: readonly LedgerTransaction[],
): EngineOutput {
  let output: EngineOutput = { apply: transactions, planted: [] }
  for (const fault of faults) {
    if (fault.name === 'stale-balance' && fault.event === event.sequence) {
      const [stale, ...others] = output.apply
      if (stale !== undefined) output = { apply: others, planted: [...output.planted, part(fault, event, [stale], -1n)] }
    }
    if (
      fault.name === 'double-applied-batch' &&
      output.apply.length > 0 &&
      event.sequence >= fault.event &&
      event.sequence < fault.event + DOUBLED_EVENTS
    )
      output = {
        apply: output.apply.map(row => ({ ...row, amount: row.amount * 2n })),
        planted: [...output.planted, part(fault, event, output.apply, 1n)],
      }
  }
  return output
}

/** True where the trade-engine ignores this dropcopy event altogether: a dropped bust has two sides, one after the other. */
export function engineIgnores(faults: readonly PlannedFault[], sequence: bigint): boolean {
  return faults.some(
    ({ name, event }) =>
      (name === 'bust-dropped-by-engine' || name === 'bust-dropped-by-both') && sequence >= event && sequence <= event + 1n,
  )
}

/** True where the trade-engine books an execution and does not take down the position that it leads to. */
export function engineLeavesPosition(faults: readonly PlannedFault[], sequence: bigint): boolean {
  return faults.some(({ name, event }) => name === 'stale-position' && event === sequence)
}

/** The fault that stops the trade-engine in a batch that begins after `after` and ends with `through`, if any. */
export function haltingFault(faults: readonly PlannedFault[], after: bigint, through: bigint): PlannedFault | undefined {
  return faults.find(({ name, event }) => (name === 'torn-batch' || name === 'token-regressed') && event > after && event <= through)
}

function part(fault: PlannedFault, event: DropcopyEvent, rows: readonly LedgerTransaction[], sign: 1n | -1n): PlantedPart {
  return {
    fault: fault.name,
    event: fault.event,
    sequence: event.sequence,
    differences: rows.map(({ accountId, asset, amount }) => ({ accountId, asset, units: sign * amount })),
    transactionIds: rows.map(row => row.transactionId),
    deleteTransactionIds: [],
    insertTransactions: [],
    balances: rows.map(({ accountId, asset, amount }) => ({ account_id: accountId, asset, add: moneyText(-sign * amount) })),
  }
}
