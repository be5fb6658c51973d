import type { Dropcopy } from '../exchange/dropcopy.ts'
import { type ExecutionEvent, isExecution } from '../exchange/dropcopy-event.ts'
import { cycleNumberAt, type MarkCycle, type MarkRow, sequenceOfCycle } from '../exchange/mark-cycle.ts'
import type { Market } from '../exchange/market.ts'
import type { FaultName } from './catalogue.ts'
import { markFaults } from './mark-entries.ts'
import type { PlannedFault } from './planned-fault.ts'
import { type PlantedMark, type PlantedPart, plainPart } from './planted-fault.ts'

/** What the sink publishes of a cycle, once the faults had their way. */
export interface CycleOutput {
  readonly write: readonly MarkRow[]
  /** How many rows the watermark counts. */
  readonly counted: number
  /** Whether there is a watermark. */
  readonly vouched: boolean
  readonly planted: readonly PlantedPart[]
}

/** The faults that are in this cycle: one that has begun stays. */
export function faultsOfCycle(faults: readonly PlannedFault[], { sequence }: MarkCycle): readonly PlannedFault[] {
  return faults.filter(({ name, event }) => isMarkFault(name) && event <= sequence)
}

/** Applies these faults to the rows of a cycle; like all faults, a function of the fault and the cycle alone. */
export function distortCycle(faults: readonly PlannedFault[], rows: readonly MarkRow[]): CycleOutput {
  return faults.reduce<CycleOutput>((output, fault) => distort(fault, output), {
    write: rows,
    counted: rows.length,
    vouched: true,
    planted: [],
  })
}

/** Decides with which cycle a fault of marks begins, and whom it strikes: whoever traded last before it, and so has a position. */
export function planMarkFault(market: Market, dropcopy: Dropcopy, name: FaultName, event: bigint): PlannedFault {
  if (market.spec.markEveryEvents === 0) throw new Error(`${name} needs mark cycles, and this exchange publishes none`)
  let sequence = event < 1n ? 1n : event
  while (cycleNumberAt(market, sequence) === undefined) sequence += 1n
  for (let number = cycleNumberAt(market, sequence) ?? 1n; ; number += 1n) {
    const begins = sequenceOfCycle(market, number)
    const trader = lastTrader(dropcopy, begins)
    if (trader !== undefined) return { name, event: begins, position: { accountId: trader.accountId, symbol: trader.symbol } }
  }
}

const LOOKED_BACK = 100n

function lastTrader(dropcopy: Dropcopy, sequence: bigint): ExecutionEvent | undefined {
  const from = sequence > LOOKED_BACK ? sequence - LOOKED_BACK : 0n
  return dropcopy.between(from, sequence).filter(isExecution).at(-1)
}

function isMarkFault(name: FaultName): boolean {
  return markFaults.some(fault => fault.name === name)
}

function distort(fault: PlannedFault, output: CycleOutput): CycleOutput {
  const { accountId, symbol } = fault.position ?? { accountId: '', symbol: '' }
  const changed = (concerns: (row: MarkRow) => boolean, change: (row: MarkRow) => MarkRow): CycleOutput => ({
    ...output,
    write: output.write.map(row => (concerns(row) ? change(row) : row)),
    planted: [...output.planted, part(fault, output.write.filter(concerns))],
  })
  const without = (left: readonly MarkRow[], counted: number): CycleOutput => {
    const kept = new Set(left)
    return {
      ...output,
      write: left,
      counted,
      planted: [
        ...output.planted,
        part(
          fault,
          output.write.filter(row => !kept.has(row)),
        ),
      ],
    }
  }
  const struck = (row: MarkRow) => row.accountId === accountId && row.symbol === symbol
  switch (fault.name) {
    case 'wrong-mark-for-one-account':
      return changed(struck, row => atPrice(row, row.markPrice + 1n))
    case 'wrong-mark-for-all':
      return changed(
        row => row.symbol === symbol,
        row => atPrice(row, row.markPrice + row.markPrice / 10n),
      )
    case 'wrong-realized-in-marks':
      return changed(struck, row => ({ ...row, realizedPnl: row.realizedPnl + 1n }))
    case 'mark-missing-account': {
      const left = output.write.filter(row => row.accountId !== accountId)
      return without(left, output.counted - (output.write.length - left.length))
    }
    case 'half-written-mark-cycle': {
      // In an order that does not depend on whether the sink was restarted in between.
      const ordered = [...output.write].sort((a, b) => (orderOf(a) < orderOf(b) ? -1 : 1))
      return without(ordered.slice(0, Math.ceil(ordered.length / 2)), output.counted)
    }
    case 'mark-cycle-without-watermark':
      return { ...output, vouched: false, planted: [...output.planted, part(fault, [])] }
    default:
      return output
  }
}

function atPrice(row: MarkRow, markPrice: bigint): MarkRow {
  return { ...row, markPrice, unrealizedPnl: row.unrealizedPnl + row.quantity * (markPrice - row.markPrice) }
}

function orderOf({ symbol, accountId }: MarkRow): string {
  return JSON.stringify([symbol, accountId])
}

/** The report of a cycle; that of a later one takes its place. */
function part(fault: PlannedFault, rows: readonly MarkRow[]): PlantedPart {
  const marks = rows.map(({ accountId, symbol }): PlantedMark => ({ account_id: accountId, symbol }))
  return { ...plainPart(fault), marks }
}
