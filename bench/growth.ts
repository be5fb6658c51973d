import type { Stores } from '../sim/sandbox/stores.ts'
import { type Measuring, measureVolume } from './growth/measure-volume.ts'
import { type GrowthReport, growthReport, type VolumeTimes } from './growth/report.ts'

/** How the bench of growth is asked for. */
export interface GrowthOptions {
  /** How many transactions of history, one measurement each. */
  readonly volumes: readonly number[]
  readonly keys: number
  readonly increment: number
}

/** What it measures unless it is told otherwise. */
export const DEFAULT_GROWTH: GrowthOptions = { volumes: [1_000_000, 10_000_000, 50_000_000], keys: 1_000_000, increment: 100_000 }

/** Measures every check at every volume, with as many keys and the same increment at each. `create` makes databases of their own on servers that are there. */
export async function benchGrowth(
  create: (name: string) => Promise<Stores>,
  { volumes, keys, increment }: GrowthOptions,
  measuring: Measuring,
): Promise<GrowthReport> {
  const times: VolumeTimes[] = []
  for (const transactions of volumes) {
    const measured = await measureVolume(create, { transactions, keys, increment }, measuring)
    times.push(measured)
    // What was measured is told at once: a greater volume may still fail.
    measuring.progress(JSON.stringify(measured))
  }
  return growthReport(times)
}
