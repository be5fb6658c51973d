import type { JobSubject } from '../check-job.ts'

/** The checks that are measured, in the order in which their checkpoints are made. */
export const GROWTH_CHECKS = [
  'transactions-balance',
  'position-realized-pnls-balance',
  'positions-match',
  'omnibus-balances-square',
  'pnl-is-zero-sum',
] as const satisfies readonly JobSubject[]

/** The name of one of them. */
export type GrowthCheck = (typeof GROWTH_CHECKS)[number]
