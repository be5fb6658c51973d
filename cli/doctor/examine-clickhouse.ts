import { horizonOf } from '../../checks/check-sources.ts'
import type { LegContext } from '../../epoch/leg.ts'
import type { ClickHouseConnection } from '../../stores/clickhouse/connection.ts'
import { type InspectedTable, inspectClickHouse, inspectWatermarks, measureClickHouseClock } from '../../stores/clickhouse/inspect.ts'
import type { Config } from '../config/config.ts'
import { attempt } from './attempt.ts'
import type { Needs } from './check-needs.ts'
import { type Finding, ok } from './finding.ts'
import { judgeClickHouse } from './judge-clickhouse.ts'
import { judgeClock } from './judge-clock.ts'
import { judgeMarkCycles } from './judge-mark-cycles.ts'
import { judgeWatermarks } from './judge-watermarks.ts'

/** Looks at the server, its tables, how far the sink vouches for them, and its clock. `epoch` is where PostgreSQL stands. Rejects with `StoreError`. */
export async function examineClickHouse(
  connection: ClickHouseConnection,
  needs: Needs,
  config: Config,
  epoch: Readonly<Record<string, bigint>>,
  context: LegContext,
): Promise<readonly Finding[]> {
  const growing = [...needs.histories, ...(needs.watermarks ? [needs.watermarks] : [])]
  const tables = growing.map(({ mapped: { schema, name } }) => ({ database: schema, name }))
  const facts = await inspectClickHouse(connection, tables, context)
  const clock = judgeClock('clickhouse', await measureClickHouseClock(connection, context))
  const watermarks = needs.watermarks && facts.tables[needs.histories.length]
  const standings = watermarks === undefined ? [] : await examineWatermarks(connection, needs, config, watermarks, epoch, context)
  return [
    ok('clickhouse.reachable', `ClickHouse answers as ${facts.user}, database ${connection.database}`),
    ...judgeClickHouse(facts, needs),
    ...standings,
    clock,
  ]
}

/** Looks how far the sink vouches for each history that a check waits for, each by itself. */
async function examineWatermarks(
  connection: ClickHouseConnection,
  { histories }: Needs,
  { tables }: Config,
  { columns }: InspectedTable,
  epoch: Readonly<Record<string, bigint>>,
  context: LegContext,
): Promise<readonly Finding[]> {
  const writtenAt = columns.has('written_at') ? 'written_at' : undefined
  const findings: Finding[] = []
  for (const { name, streams, watermarkTimeoutMs } of histories) {
    const horizon = horizonOf({ horizon: { strategy: 'watermark' }, tables }, name)
    if (watermarkTimeoutMs === undefined || horizon.strategy !== 'watermark') continue
    const { findings: found } = await attempt(
      `clickhouse.watermarks.${name}`,
      'tables.clickhouse.sink_watermarks',
      context,
      async within => {
        const standings = await inspectWatermarks(connection, horizon.watermarks, writtenAt, name, within)
        if (name === 'pnl_marks') return [judgeMarkCycles(epoch, standings)]
        const needed = Object.fromEntries(Object.entries(epoch).filter(([stream]) => streams.includes(stream)))
        return judgeWatermarks(name, needed, standings, watermarkTimeoutMs)
      },
    )
    findings.push(...found)
  }
  return findings
}
