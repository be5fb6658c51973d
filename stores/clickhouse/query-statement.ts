import type { CanaryRow } from '../../epoch/canary.ts'
import { quoteIdentifier as q } from './identifiers.ts'
import { type ClickHouseQuery, renderQuery } from './query.ts'

/**
 * The one statement of an as-of read: the rows of the select as text in key order, the canary among them, then two lines of counts in the last field of each, as
 * `ProvenLines` takes them off. The counts are scalars, which the server computes before the rows are read: a fact that was counted is there to be read.
 */
export function queryStatement(query: ClickHouseQuery, canary: CanaryRow | undefined): string {
  const { keys, values } = query.shape
  const names = [...keys.map((_, at) => `k${at}`), ...values.map((_, at) => `v${at}`)]
  const columns = [...keys, ...values].map((column, at) => `toString(r.${q(column)}) as ${names[at]}`)
  const literal = canary ? [[...keys.map(() => canary.key), ...values.map(() => canary.value)]] : []
  const counts = countsOf(query)
  const blank = names.slice(1).map(() => `''`)
  const lines = [
    ...literal.map(row => `select ${row.map(text => `'${text}'`).join(', ')}, 0`),
    `select ${[...blank, textOf([...counts, '0']), 1].join(', ')}`,
    `select ${[...blank, textOf([...counts, counts.join(' + ')]), 2].join(', ')}`,
  ]
  return `
select ${names.join(', ')} from (
  select ${columns.join(', ')}, 0 as part
  from (
${renderQuery(query.rows, query.streams)}
  ) as r
  ${lines.map(line => `union all\n  ${line}`).join('\n  ')}
)
order by part, ${names.slice(0, keys.length).join(', ')}`
}

/** The same counts alone, as columns `n0…`: for finding out whether they have changed. */
export function countsStatement(query: ClickHouseQuery): string {
  return `select ${countsOf(query)
    .map((count, at) => `toString(${count}) as n${at}`)
    .join(', ')}`
}

/** The facts of each stream up to the horizon, as SQL; zeros where nothing counts them. */
function countsOf({ streams, horizon }: ClickHouseQuery): readonly string[] {
  const counts = horizon.strategy === 'watermark' ? horizon.counts : undefined
  return streams.map(stream => {
    const count = counts?.[stream]
    return count ? `coalesce((\n${renderQuery(count, streams)}\n), 0)` : '0'
  })
}

function textOf(counts: readonly string[]): string {
  return `arrayStringConcat([${counts.map(count => `toString(${count})`).join(', ')}], ' ')`
}
