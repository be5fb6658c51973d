import type { WatermarkStanding } from '../../stores/clickhouse/inspect.ts'
import { MARK_STREAM } from '../../stores/clickhouse/mark-cycles.ts'
import { type Finding, fail, ok, warn } from './finding.ts'

/** Checks run every five minutes: three of them on one cycle say the same thing three times. */
const AGE_MS_MAX = 15 * 60_000

/** Judges whether mark cycles are published, and whether they still are. */
export function judgeMarkCycles(epoch: Readonly<Record<string, bigint>>, standings: readonly WatermarkStanding[]): Finding {
  const id = `clickhouse.watermarks.pnl_marks.${MARK_STREAM}`
  const standing = standings.find(({ stream }) => stream === MARK_STREAM)
  if (!standing) {
    if (Object.values(epoch).every(sequence => sequence === 0n)) return ok(id, 'no mark cycle is complete yet, and nothing was consumed')
    return fail(
      id,
      'no mark cycle is complete: there is no watermark of pnl_marks',
      `have whoever computes marks write one after the rows of each cycle, under table_name 'pnl_marks' and stream '${MARK_STREAM}'`,
    )
  }
  const { sequence, ageMs } = standing
  const newest = `the newest complete mark cycle is ${sequence}`
  if (ageMs === undefined || ageMs <= AGE_MS_MAX) return ok(id, newest)
  const what = `${newest}, and its watermark was written ${Math.round(ageMs / 1_000)} s ago`
  return warn(id, what, 'see whether marks are still computed; pnl-is-zero-sum says of an old cycle what it said before')
}
