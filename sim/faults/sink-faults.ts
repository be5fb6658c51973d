import type { LedgerTransaction } from '../exchange/ledger.ts'
import type { PlannedFault } from './planned-fault.ts'
import type { KeyDifference, PlantedPart } from './planted-fault.ts'

/** What the sink does with the transactions of one event or transfer, once the faults had their way. */
export interface SinkOutput {
  readonly write: readonly LedgerTransaction[]
  /** Written one to two seconds after the watermark that vouches for them. */
  readonly late: readonly LedgerTransaction[]
  /** How many rows the watermark counts. */
  readonly counted: number
  readonly planted: readonly PlantedPart[]
}

/**
 * Applies the sink's faults to the transactions of one sequence. A function of the fault and the event alone, so that a sink which was killed and folds
 * the event again writes the same wrong rows again.
 */
export function distortTransactions(
  faults: readonly PlannedFault[],
  stream: LedgerTransaction['stream'],
  sequence: bigint,
  rows: readonly LedgerTransaction[],
): SinkOutput {
  let output: SinkOutput = { write: rows, late: [], counted: rows.length, planted: [] }
  for (const fault of faults) if (concerns(fault, stream, sequence)) output = distort(fault, sequence, output)
  return output
}

/** True where the sink ignores this dropcopy event altogether: a dropped bust has two sides, one after the other. */
export function sinkIgnores(faults: readonly PlannedFault[], sequence: bigint): boolean {
  return faults.some(
    ({ name, event }) =>
      (name === 'bust-dropped-by-sink' || name === 'bust-dropped-by-both') && sequence >= event && sequence <= event + 1n,
  )
}

/** What the watermark of a table does for the dropcopy at or after a sequence. */
export function watermarkFault(
  faults: readonly PlannedFault[],
  table: 'transactions' | 'positions',
  sequence: bigint,
): 'stuck' | 'twin' | undefined {
  for (const { name, event } of faults) {
    if (sequence < event) continue
    if (name === (table === 'transactions' ? 'watermark-stuck' : 'position-watermark-stuck')) return 'stuck'
    if (name === 'watermarks-disagree' && table === 'transactions') return 'twin'
  }
  return undefined
}

function concerns(fault: PlannedFault, stream: LedgerTransaction['stream'], sequence: bigint): boolean {
  return stream === 'cash' ? fault.transfer === sequence : fault.transfer === undefined && fault.event === sequence
}

function distort(fault: PlannedFault, sequence: bigint, output: SinkOutput): SinkOutput {
  const [first, second] = output.write
  // The first transaction of a fill is what it realizes, the second its fee.
  const row = concernsRealized(fault) ? first : (second ?? first)
  if (row === undefined) return output
  const others = output.write.filter(other => other !== row)
  const part = (changes: Partial<PlantedPart>): PlantedPart => ({
    fault: fault.name,
    event: fault.event,
    sequence,
    differences: [],
    transactionIds: [row.transactionId],
    deleteTransactionIds: [],
    insertTransactions: [],
    balances: [],
    ...changes,
  })
  const replaced = (wrong: LedgerTransaction): SinkOutput => ({
    ...output,
    write: [...others, wrong],
    planted: [
      part({
        differences: [difference(row, row.amount), difference(wrong, -wrong.amount)],
        deleteTransactionIds: [row.transactionId],
        insertTransactions: [row],
      }),
    ],
  })
  switch (fault.name) {
    case 'lost-row':
    case 'lost-deposit-row':
      return { ...output, write: others, planted: [part({ differences: [difference(row, row.amount)], insertTransactions: [row] })] }
    case 'watermark-ahead-of-rows':
      return {
        ...output,
        write: [],
        planted: [
          part({
            differences: output.write.map(lost => difference(lost, lost.amount)),
            transactionIds: output.write.map(lost => lost.transactionId),
            insertTransactions: output.write,
          }),
        ],
      }
    case 'altered-amount-by-1e-18':
    case 'altered-realized-pnl-transaction':
      return replaced({ ...row, amount: row.amount + 1n })
    case 'sign-flipped':
      return replaced({ ...row, amount: -row.amount })
    case 'wrong-account':
      return replaced({ ...row, accountId: fault.otherAccount ?? row.accountId })
    case 'wrong-asset':
      return replaced({ ...row, asset: fault.otherAsset ?? row.asset })
    case 'wrong-symbol':
      return replaced({ ...row, symbol: fault.otherSymbol ?? row.symbol })
    case 'wrong-kind':
      return replaced({ ...row, kind: 'fee' })
    case 'duplicate-row-different-amount': {
      const wrong = { ...row, amount: row.amount * 2n }
      const remedy = { deleteTransactionIds: [row.transactionId], insertTransactions: [row] }
      return {
        ...output,
        write: [...output.write, wrong],
        // Both facts stand in the store and neither can be told to be the right one, so that a sum holds the two of them.
        planted: [part({ differences: [difference(wrong, -wrong.amount)], ...remedy })],
      }
    }
    case 'rows-extra': {
      const extra = { ...row, transactionId: `X${row.transactionId}` }
      return {
        ...output,
        write: [...output.write, extra],
        planted: [
          part({
            differences: [difference(extra, -extra.amount)],
            transactionIds: [extra.transactionId],
            deleteTransactionIds: [extra.transactionId],
          }),
        ],
      }
    }
    case 'late-row-below-epoch':
      return { ...output, write: others, late: [row], planted: [part({})] }
    case 'replayed-identical-row':
      return { ...output, write: [...output.write, row], planted: [part({})] }
    case 'watermark-stuck':
    case 'watermarks-disagree':
      return { ...output, planted: [part({ transactionIds: [] })] }
    default:
      // The faults of the others, and the busts, which `sinkIgnores` has dropped before.
      return output
  }
}

function concernsRealized({ name }: PlannedFault): boolean {
  return name === 'altered-realized-pnl-transaction' || name === 'wrong-symbol' || name === 'wrong-kind'
}

function difference(row: LedgerTransaction, units: bigint): KeyDifference {
  return { accountId: row.accountId, asset: row.asset, units }
}
