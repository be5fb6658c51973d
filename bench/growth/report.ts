import { GROWTH_CHECKS, type GrowthCheck } from './growth-checks.ts'
import type { GrowthVolume } from './volume.ts'

/** Times of one check at one volume, in milliseconds. */
export interface CheckTimes {
  /** Of a run that read everything. */
  readonly fullMs: number
  /** Rows that ClickHouse read for that. */
  readonly fullRowsRead: number
  /** Of making the checkpoints of its legs after that run, sealing what no other check had sealed. */
  readonly checkpointMs: number
  /** Of a run from the checkpoints on, after the increment: the best of some, and all of them. */
  readonly ms: number
  readonly allMs: readonly number[]
  /** Rows that ClickHouse read for such a run: of checkpoints, of the history above them, and of everything else; the most of the runs. */
  readonly rowsRead: number
  /** The raw queries over checkpoint and increment, on the same stores. */
  readonly floorMs: number
  readonly peakMB: number
}

/** Times of transactions-balance with its checkpoints in recon's PostgreSQL. */
export interface PostgresLayoutTimes {
  readonly checkpointMs: number
  readonly ms: number
  readonly allMs: readonly number[]
  readonly rowsRead: number
  readonly peakMB: number
}

/** What was measured at one volume. */
export interface VolumeTimes {
  readonly volume: GrowthVolume
  /** Rows in each table, and movements of the custodian, when the increment had come. */
  readonly rows: Readonly<Record<string, number>>
  readonly checks: Readonly<Record<GrowthCheck, CheckTimes>>
  /** Present at the volumes at which it was measured. */
  readonly postgresLayout?: PostgresLayoutTimes
  /** Runs of omnibus-balances-square that it took to settle the history of the custodian, and how long they took together. */
  readonly settling: { readonly runs: number; readonly ms: number }
  readonly audit: { readonly auditMs: number; readonly segments: number; readonly peakMB: number }
}

/** What the bench of growth prints. */
export interface GrowthReport {
  readonly volumes: readonly VolumeTimes[]
  /** For each check its time at the greatest volume divided by that at the least. */
  readonly growth: Readonly<Record<GrowthCheck, number>>
  readonly growthMax: number
  /** The same of the rows that ClickHouse read, which does not depend on what else the machine did. */
  readonly rowsReadGrowth: Readonly<Record<GrowthCheck, number>>
}

/** Puts the volumes together, in ascending order; at least one. */
export function growthReport(volumes: readonly VolumeTimes[]): GrowthReport {
  const ascending = [...volumes].sort((a, b) => a.volume.transactions - b.volume.transactions)
  const grown = (figure: 'ms' | 'rowsRead') =>
    perCheck(check => ratio(ascending.at(-1)?.checks[check][figure], ascending[0]?.checks[check][figure]))
  const growth = grown('ms')
  return { volumes: ascending, growth, growthMax: Math.max(...Object.values(growth)), rowsReadGrowth: grown('rowsRead') }
}

/** A value for each check. */
export function perCheck<T>(of: (check: GrowthCheck) => T): Readonly<Record<GrowthCheck, T>> {
  const [balance, realized, match, omnibus, zeroSum] = GROWTH_CHECKS
  return { [balance]: of(balance), [realized]: of(realized), [match]: of(match), [omnibus]: of(omnibus), [zeroSum]: of(zeroSum) }
}

function ratio(greatest = Number.NaN, least = Number.NaN): number {
  return Math.round((greatest / least) * 100) / 100
}
