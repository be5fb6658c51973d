import type { RowShape } from '../../epoch/row.ts'
import type { QueryColumn } from '../../stores/query-column.ts'

/** What keeps the columns of a leg's select from being its keys and values, in words. */
export function columnProblems(columns: readonly QueryColumn[], { keys, values }: RowShape): readonly string[] {
  const due = [...keys, ...values]
  const named = (name: string) => columns.filter(column => column.name === name)
  const gives = columns.map(({ name }) => name).join(', ')
  const each = (names: readonly string[], problem: (column: QueryColumn) => string | undefined) =>
    names.flatMap(name => named(name).flatMap(column => problem(column) ?? []))
  return [
    ...due.filter(name => named(name).length === 0).map(name => `column ${name} is missing; the select gives ${gives}`),
    ...due.filter(name => named(name).length > 1).map(name => `column ${name} is there more than once`),
    ...columns.filter(({ name }) => !due.includes(name)).map(({ name }) => `column ${name} is neither a key nor a value; leave it out`),
    ...each(keys, ({ name, type, matchable }) =>
      matchable ? undefined : `key ${name} is ${type}, which stores write in different ways; cast it to text, on both sides alike`,
    ),
    ...each(values, ({ name, type, exact }) =>
      exact ? undefined : `value ${name} is ${type} and must be exact: a decimal or a whole number, all the way from the table`,
    ),
  ]
}

/** What keeps a select from giving one whole number, in words: such is what reads a stream, and what counts facts. */
export function scalarProblems(columns: readonly QueryColumn[]): readonly string[] {
  const [column, ...others] = columns
  if (column === undefined || others.length > 0) return [`the select gives ${columns.length} columns and must give one number`]
  return column.whole || column.type === 'numeric' ? [] : [`the select gives ${column.type} and must give a whole number`]
}

/** What keeps a select from telling the stamps of each stream, in words. */
export function stampProblems(columns: readonly QueryColumn[], streams: readonly string[]): readonly string[] {
  return [
    ...streams
      .filter(stream => !columns.some(({ name }) => name === stream))
      .map(stream => `there is no column ${stream}; a stream that changes none of the rows is stamped 0`),
    ...columns.flatMap(({ name, type, whole }) => {
      if (!streams.includes(name)) return [`column ${name} is no stream of this relation`]
      return whole || type === 'numeric' ? [] : [`stamp ${name} is ${type} and must be a whole number`]
    }),
  ]
}
