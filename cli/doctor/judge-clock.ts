import type { ClockSkew } from '../../stores/clock-skew.ts'
import { type Finding, ok, warn } from './finding.ts'

const SKEW_MS_MAX = 1000

/** Judges how far a server's clock is from ours: no verdict depends on it, but every age and timestamp in the evidence does. */
export function judgeClock(store: string, { skewMs, uncertaintyMs }: ClockSkew): Finding {
  const id = `${store}.clock`
  const off = `${Math.abs(Math.round(skewMs))} ms ${skewMs < 0 ? 'behind' : 'ahead of'} ours (give or take ${Math.ceil(uncertaintyMs)} ms)`
  if (Math.abs(skewMs) - uncertaintyMs <= SKEW_MS_MAX) return ok(id, `its clock is ${off}`)
  return warn(id, `its clock is ${off}`, 'see that both machines keep time by NTP; ages and timestamps in the evidence are off by as much')
}
