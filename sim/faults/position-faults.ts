import type { Position } from '../exchange/fold.ts'
import type { PositionRow } from '../exchange/sink-fold.ts'
import type { PlannedFault } from './planned-fault.ts'
import { type PlantedPart, plainPart } from './planted-fault.ts'

/** What the sink does with the position rows of one event, once the faults had their way. */
export interface PositionOutput {
  readonly write: readonly PositionRow[]
  /** Written one to two seconds after the watermark that vouches for them. */
  readonly late: readonly PositionRow[]
  readonly planted: readonly PlantedPart[]
}

/** Applies the sink's faults to the rows of positions; what the watermark counts stays the same. Like all faults, a function of the fault and the event alone. */
export function distortPositions(faults: readonly PlannedFault[], sequence: bigint, rows: readonly PositionRow[]): PositionOutput {
  let output: PositionOutput = { write: rows, late: [], planted: [] }
  for (const fault of faults) if (fault.transfer === undefined && fault.event === sequence) output = distort(fault, output)
  return output
}

function distort(fault: PlannedFault, output: PositionOutput): PositionOutput {
  const [row] = output.write
  if (row === undefined) return output
  const committed = (changes: Partial<PlantedPart> = {}) => ({ planted: [{ ...plainPart(fault), ...changes }] })
  const healedByWritingItAgain = committed({ deletePositions: [row.event.executionId], insertPositions: [row] })
  const altered = (change: Partial<Position>): PositionOutput => ({
    ...output,
    write: [{ ...row, position: { ...row.position, ...change } }],
    ...healedByWritingItAgain,
  })
  const { quantity, costBasis, realizedPnl } = row.position
  switch (fault.name) {
    case 'lost-position-row':
      return { ...output, write: [], ...committed({ insertPositions: [row] }) }
    case 'duplicate-position-row-different':
      return { ...output, write: [row, { ...row, position: { ...row.position, quantity: quantity + 1n } }], ...healedByWritingItAgain }
    case 'altered-position-quantity':
      return altered({ quantity: quantity + 1n })
    case 'altered-position-cost-basis':
      return altered({ costBasis: costBasis + 1n })
    case 'altered-position-realized-pnl':
      return altered({ realizedPnl: realizedPnl + 1n })
    case 'altered-position-row-superseded':
      return altered({ quantity: quantity + 7n, costBasis: -costBasis - 7n, realizedPnl: realizedPnl - 7n })
    case 'late-position-row':
      return { ...output, write: [], late: [row], ...committed() }
    case 'replayed-position-row':
      return { ...output, write: [row, row], ...committed() }
    case 'position-watermark-stuck':
      return { ...output, ...committed() }
    default:
      return output
  }
}
