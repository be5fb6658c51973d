import type { Carry } from '../../epoch/carry-on.ts'
import type { RowShape } from '../../epoch/row.ts'
import type { TableName } from './identifiers.ts'

/** A value of a history: the sum of a column, or what it says in the last fact, by sequence. Both can be carried on from a checkpoint. */
export interface HistoryValue {
  readonly aggregate: Carry
  readonly column: string
}

/**
 * An append-only table of ClickHouse whose rows are facts with a stream and a sequence, and the aggregates over it that one side of a
 * relation is made of. Names are the columns of the live table; nothing is assumed about its sorting key except for speed.
 */
export interface ClickHouseHistory {
  readonly table: TableName
  /** The streams that write into the table. */
  readonly streams: readonly string[]
  readonly streamColumn: string
  readonly sequenceColumn: string
  /** The columns of the content address: unique per fact, the same for a repeated delivery. */
  readonly address: readonly string[]
  /** The other columns of a fact. Two rows that agree in all columns are one fact, delivered twice. */
  readonly facts: readonly string[]
  /** The decimal columns among `facts`; aggregates see them widened to Decimal256, since narrower sums overflow silently. */
  readonly decimals: readonly string[]
  /** For each key of the shape the column that holds it. */
  readonly keys: Readonly<Record<string, string>>
  /** For each value of the shape what it is of the facts as of the epoch. */
  readonly values: Readonly<Record<string, HistoryValue>>
  /** What the values are about: facts with this text in this column; the others are counted all the same. Absent: all. */
  readonly only?: { readonly column: string; readonly is: string }
  readonly shape: RowShape
}

/** How each value of the shape goes on from a checkpoint. */
export function carriesOf({ shape, values }: ClickHouseHistory): readonly Carry[] {
  return shape.values.map(value => values[value]?.aggregate ?? 'sum')
}
