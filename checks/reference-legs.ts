import type { AsOfLeg, SnapshotLeg } from '../epoch/leg.ts'
import type { RowShape } from '../epoch/row.ts'
import type { ClickHouseHistory, HistoryValue } from '../stores/clickhouse/history.ts'
import { clickHouseHistoryLeg } from '../stores/clickhouse/history-leg.ts'
import { quoteIdentifier, quoteTable } from '../stores/postgres/identifiers.ts'
import type { StreamSource } from '../stores/postgres/postgres-rows.ts'
import { postgresSnapshotLeg } from '../stores/postgres/snapshot-leg.ts'
import { type CheckSources, horizonOf } from './check-sources.ts'
import { columnOf, type MappedTable, REFERENCE_HISTORIES, type ReferenceHistoryName } from './reference-model.ts'

/** The streams of the deployment as PostgreSQL legs and epoch sources take them. */
export function streamSources({ streams }: CheckSources): readonly StreamSource[] {
  return Object.entries(streams).map(([name, sql]) => ({ name, sql }))
}

/** The current rows of a state table of the reference model, with the keys and values of the shape under their reference names. */
export function stateLeg(sources: CheckSources, mapped: MappedTable, shape: RowShape): SnapshotLeg {
  const table = quoteTable(mapped.schema, mapped.name)
  const columns = [...shape.keys, ...shape.values].map(name => `${quoteIdentifier(columnOf(mapped, name))} as ${quoteIdentifier(name)}`)
  return postgresSnapshotLeg({
    store: sources.postgres,
    streams: streamSources(sources),
    rows: `select ${columns.join(', ')} from ${table}`,
    stamps: stampsOf(sources, mapped),
    shape,
    memoryBytesMax: sources.memoryBytesMax,
  })
}

/** The select of the greatest stamps of a state table, a column per stream. */
export function stampsOf({ streams }: CheckSources, { schema, name, stamps }: MappedTable): string {
  const stampOf = (stream: string) => {
    const stamp = stamps[stream]
    // A stream that stamps no row of this table cannot tear one.
    return stamp === undefined ? '0' : `max(${quoteIdentifier(stamp)})`
  }
  const columns = Object.keys(streams).map(stream => `${stampOf(stream)} as ${quoteIdentifier(stream)}`)
  return `select ${columns.join(', ')} from ${quoteTable(schema, name)}`
}

/** What a relation asks of a history of the reference model. */
export interface HistoryQuestion {
  readonly shape: RowShape
  /** For each value of the shape what it is of the facts, by reference names. */
  readonly values: Readonly<Record<string, HistoryValue>>
  /** Of which kind the facts are that it is about; the others are counted all the same. Absent: all. */
  readonly kind?: string
}

/** A history of the reference model as of an epoch. */
export function historyLeg(sources: CheckSources, name: ReferenceHistoryName, question: HistoryQuestion): AsOfLeg {
  return clickHouseHistoryLeg(sources.clickhouse, referenceHistory(sources, name, question), horizonOf(sources, name), sources.checkpoints)
}

/** A history of the reference model as it is called in the deployment, and what is asked of it. */
export function referenceHistory(sources: CheckSources, name: ReferenceHistoryName, question: HistoryQuestion): ClickHouseHistory {
  const mapped = sources.tables.clickhouse[name]
  const { address, facts, decimals, streams } = REFERENCE_HISTORIES[name]
  const column = (reference: string) => columnOf(mapped, reference)
  const declared = Object.keys(sources.streams)
  return {
    table: { database: mapped.schema, name: mapped.name },
    streams: streams === 'all' ? declared : declared.filter(stream => streams.some(name => name === stream)),
    streamColumn: column('stream'),
    sequenceColumn: column('sequence'),
    address: address.map(column),
    facts: facts.map(column),
    decimals: decimals.map(column),
    keys: Object.fromEntries(question.shape.keys.map(key => [key, column(key)])),
    values: Object.fromEntries(
      Object.entries(question.values).map(([value, { aggregate, column: name }]) => [value, { aggregate, column: column(name) }]),
    ),
    ...(question.kind === undefined ? {} : { only: { column: column('kind'), is: question.kind } }),
    shape: question.shape,
  }
}

/** Values that are what the last fact of a key says of the columns of the same names. */
export function lastOf(names: readonly string[]): Readonly<Record<string, HistoryValue>> {
  return Object.fromEntries(names.map(column => [column, { aggregate: 'last', column }]))
}
