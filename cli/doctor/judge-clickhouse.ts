import type { ClickHouseFacts, InspectedTable } from '../../stores/clickhouse/inspect.ts'
import type { GrowingNeed, Needs } from './check-needs.ts'
import { type Finding, fail, ok, warn } from './finding.ts'
import { type FoundColumn, judgeColumns } from './judge-columns.ts'
import { judgeGrowth, judgeOrder } from './judge-history.ts'
import { judgeReadOnly } from './judge-read-only.ts'

/** The oldest ClickHouse that has all that the checks ask of it. */
const VERSION_MIN = [24, 3] as const

/** Judges what ClickHouse says of itself; `facts.tables` holds the histories that the checks need, in their order, and then the watermarks. */
export function judgeClickHouse(facts: ClickHouseFacts, { histories, watermarks }: Needs): readonly Finding[] {
  return [
    judgeVersion(facts),
    judgeOneMoment(facts),
    ...histories.flatMap((need, at) => [
      judgeTable(need, facts.tables[at]),
      ...judgeGrowth(need, facts.tables[at]),
      ...judgeOrder(need, facts.tables[at]),
    ]),
    ...(watermarks === undefined
      ? [
          warn(
            'clickhouse.horizon',
            'no check waits for watermarks: a settled horizon proves nothing complete',
            'have the sink write watermarks',
          ),
        ]
      : [judgeTable(watermarks, facts.tables[histories.length]), ...judgeGrowth(watermarks, facts.tables[histories.length])]),
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

function judgeTable(need: GrowingNeed, table: InspectedTable | undefined): Finding {
  const columns = table && new Map([...table.columns].map(([column, type]): [string, FoundColumn] => [column, { type, readable: true }]))
  return judgeColumns(`clickhouse.tables.${need.name}`, 'ClickHouse', need, columns)
}
