import { columnOf, type MappedTable } from '../../checks/reference-model.ts'
import type { ClickHouseFacts, InspectedTable } from '../../stores/clickhouse/inspect.ts'
import type { Config } from '../config/config.ts'
import { TRANSACTIONS_NEED, WATERMARKS_NEED } from './column-needs.ts'
import { type Finding, fail, ok, warn } from './finding.ts'
import { type FoundColumn, judgeColumns } from './judge-columns.ts'
import { judgeReadOnly } from './judge-read-only.ts'

/** The oldest ClickHouse that has all that the checks ask of it. */
const VERSION_MIN = [24, 3] as const

/** Judges what ClickHouse says of itself; `facts.tables` holds the transactions and the watermarks, in this order. */
export function judgeClickHouse(facts: ClickHouseFacts, { tables: { clickhouse }, checks }: Config): readonly Finding[] {
  const [transactions, watermarks] = facts.tables
  const watermarked = Object.values(checks).some(check => check.enabled && check.horizon.strategy === 'watermark')
  return [
    judgeVersion(facts),
    judgeOneMoment(facts),
    judgeTable('transactions', clickhouse.transactions, TRANSACTIONS_NEED, transactions),
    ...judgeHistory('transactions', clickhouse.transactions, ['sequence', 'transaction_id'], transactions),
    ...(watermarked
      ? [
          judgeTable('sink_watermarks', clickhouse.sink_watermarks, WATERMARKS_NEED, watermarks),
          ...judgeHistory('sink_watermarks', clickhouse.sink_watermarks, ['table_name', 'stream', 'sequence'], watermarks),
        ]
      : [
          warn(
            'clickhouse.horizon',
            'no check waits for watermarks: a settled horizon proves nothing complete',
            'have the sink write watermarks',
          ),
        ]),
    judgeReadOnly(facts),
  ]
}

function judgeVersion({ version }: ClickHouseFacts): Finding {
  const [major = 0, minor = 0] = version.split('.').map(Number)
  const recent = major > VERSION_MIN[0] || (major === VERSION_MIN[0] && minor >= VERSION_MIN[1])
  const id = 'clickhouse.version'
  return recent
    ? ok(id, `ClickHouse ${version}`)
    : fail(id, `ClickHouse ${version} is older than 24.3`, 'upgrade the server to 24.3 or newer')
}

function judgeOneMoment({ oneMoment, version }: ClickHouseFacts): Finding {
  const id = 'clickhouse.snapshot'
  if (oneMoment) return ok(id, 'all that one statement reads is of one moment')
  return warn(
    id,
    `ClickHouse ${version} does not know enable_shared_storage_snapshot_in_query, so the parts of a read may see different moments; recon then reads again, which takes longer under a busy sink`,
    'upgrade the server to a version whose system.settings has it',
  )
}

function judgeTable(
  name: string,
  mapped: MappedTable,
  needs: Parameters<typeof judgeColumns>[3],
  table: InspectedTable | undefined,
): Finding {
  const columns = table && new Map([...table.columns].map(([column, type]): [string, FoundColumn] => [column, { type, readable: true }]))
  return judgeColumns(`clickhouse.tables.${name}`, 'ClickHouse', mapped, needs, columns)
}

/** Whether what was written stays: an engine whose merges drop or combine rows forgets what the checks must prove. */
function judgeHistory(
  name: string,
  mapped: MappedTable,
  address: readonly string[],
  table: InspectedTable | undefined,
): readonly Finding[] {
  if (!table) return []
  const id = `clickhouse.history.${name}`
  return [judgeEngine(id, mapped, address, table), ...(table.expires ? [judgeExpiry(id, mapped)] : [])]
}

function judgeEngine(id: string, mapped: MappedTable, address: readonly string[], { engine, sortingKey }: InspectedTable): Finding {
  const plain = engine.replace(/^(Replicated|Shared)/, '')
  const what = `table ${mapped.name} is a ${engine}`
  const remedy = `keep it in a MergeTree ordered by (stream, ${address.map(column => columnOf(mapped, column)).join(', ')})`
  if (plain === 'MergeTree') return ok(id, `${what}: what is written stays`)
  if (!plain.endsWith('MergeTree'))
    return warn(id, `${what}, of which it cannot be seen here whether rows stay`, 'see that the tables beneath it are of a plain MergeTree')
  if (plain !== 'ReplacingMergeTree') return fail(id, `${what}, whose merges combine rows`, remedy)
  const sorted = new Set(sortingKey.map(column => column.replaceAll('`', '')))
  const missing = address.map(column => columnOf(mapped, column)).filter(column => !sorted.has(column))
  if (missing.length > 0) return fail(id, `${what} whose sorting key lacks ${missing.join(' and ')}, so that merges drop facts`, remedy)
  return warn(id, `${what}: a merge may erase a conflicting duplicate before anybody has seen it`, remedy)
}

function judgeExpiry(id: string, { name }: MappedTable): Finding {
  return fail(
    `${id}.ttl`,
    `rows of table ${name} expire (TTL), and sums over all history lose them`,
    'take the TTL off, or move rows instead of deleting them',
  )
}
