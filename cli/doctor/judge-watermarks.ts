import type { WatermarkStanding } from '../../stores/clickhouse/inspect.ts'
import { type Finding, fail, ok, warn } from './finding.ts'

/** Judges whether the watermarks of a table reach where PostgreSQL stands, and if not, whether the sink still moves them. */
export function judgeWatermarks(
  table: string,
  epoch: Readonly<Record<string, bigint>>,
  standings: readonly WatermarkStanding[],
  horizonTimeoutMs: number,
): readonly Finding[] {
  return Object.entries(epoch).map(([stream, needed]) => {
    const id = `clickhouse.watermarks.${table}.${stream}`
    const standing = standings.find(each => each.stream === stream)
    const name = `the watermark of ${table} for stream ${stream}`
    if (!standing) {
      if (needed === 0n) return ok(id, `${name} is not there yet, and nothing was consumed`)
      return fail(
        id,
        `${name} is missing, and PostgreSQL stands at ${needed}`,
        `have the sink write it after its rows, under table_name '${table}'`,
      )
    }
    const { sequence, ageMs } = standing
    if (BigInt(sequence) >= needed) return ok(id, `${name} stands at ${sequence}, PostgreSQL at ${needed}`)
    const age = ageMs === undefined ? 'at an unknown time' : `${Math.round(ageMs)} ms ago`
    if (ageMs === undefined || ageMs <= horizonTimeoutMs)
      return ok(id, `${name} stands at ${sequence}, PostgreSQL at ${needed}; written ${age}`)
    return warn(
      id,
      `${name} stands at ${sequence} and PostgreSQL at ${needed}, and it was written ${age}`,
      'see whether the sink runs; a check would wait in vain',
    )
  })
}
