import { columnOf } from '../../checks/reference-model.ts'
import type { InspectedTable } from '../../stores/clickhouse/inspect.ts'
import type { GrowingNeed } from './check-needs.ts'
import { type Finding, fail, ok, warn } from './finding.ts'

/** Judges whether what was written stays: an engine whose merges drop or combine rows forgets what the checks must prove, and so do rows that expire. */
export function judgeGrowth(need: GrowingNeed, table: InspectedTable | undefined): readonly Finding[] {
  if (!table) return []
  const id = idOf(need)
  return [judgeEngine(id, need, table), ...(table.expires ? [judgeExpiry(id, need)] : [])]
}

/** Judges whether a run that needs only an increment of a history can read only that. */
export function judgeOrder(need: GrowingNeed, table: InspectedTable | undefined): readonly Finding[] {
  // Of any other engine it is not seen here what lies beneath it.
  if (need.progress === undefined || !table?.engine.endsWith('MergeTree')) return []
  const key = table.sortingKey.map(unquoted)
  const [stream, progress] = [columnOf(need.mapped, 'stream'), columnOf(need.mapped, need.progress)]
  if ((key[0] === stream ? key[1] : key[0]) === progress) return []
  const sorted = key.length === 0 ? 'by nothing' : `by (${key.join(', ')})`
  return [
    warn(
      `${idOf(need)}.order`,
      `table ${need.mapped.name} is sorted ${sorted} and not by ${progress} first, so that a run reads all of it where an increment would do`,
      remedyOf(need),
    ),
  ]
}

function judgeEngine(id: string, need: GrowingNeed, { engine, sortingKey }: InspectedTable): Finding {
  const plain = engine.replace(/^(Replicated|Shared)/, '')
  const what = `table ${need.mapped.name} is a ${engine}`
  if (plain === 'MergeTree') return ok(id, `${what}: what is written stays`)
  if (!plain.endsWith('MergeTree'))
    return warn(id, `${what}, of which it cannot be seen here whether rows stay`, 'see that the tables beneath it are of a plain MergeTree')
  if (plain !== 'ReplacingMergeTree') return fail(id, `${what}, whose merges combine rows`, remedyOf(need))
  const sorted = new Set(sortingKey.map(unquoted))
  const missing = need.address.map(column => columnOf(need.mapped, column)).filter(column => !sorted.has(column))
  if (missing.length > 0)
    return fail(id, `${what} whose sorting key lacks ${missing.join(' and ')}, so that merges drop facts`, remedyOf(need))
  return warn(id, `${what}: a merge may erase a conflicting duplicate before anybody has seen it`, remedyOf(need))
}

function judgeExpiry(id: string, { mapped }: GrowingNeed): Finding {
  return fail(
    `${id}.ttl`,
    `rows of table ${mapped.name} expire (TTL), and sums over all history lose them`,
    'take the TTL off, or move rows instead of deleting them',
  )
}

function idOf({ name }: GrowingNeed): string {
  return `clickhouse.history.${name}`
}

function remedyOf({ mapped, orderBy }: GrowingNeed): string {
  return `keep it in a MergeTree ordered by (${orderBy.map(column => columnOf(mapped, column)).join(', ')})`
}

/** A column as the server prints it in a sorting key; a key of one column may keep its parentheses. */
function unquoted(column: string): string {
  return column.replace(/^\(([^()]*)\)$/, '$1').replaceAll('`', '')
}
