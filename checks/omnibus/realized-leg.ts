import type { AsOfLeg, Lines } from '../../epoch/leg.ts'
import { ReconError } from '../../epoch/recon-error.ts'
import type { CheckSources } from '../check-sources.ts'
import { historyLeg } from '../reference-legs.ts'
import { readRows } from './read-rows.ts'

const SHAPE = { keys: ['asset'], values: ['realized_pnl'], aggregating: true } as const

/** ClickHouse's realized PnL by asset, as of an epoch. */
export function realizedPnlLeg(sources: CheckSources): AsOfLeg {
  return historyLeg(sources, 'transactions', {
    shape: SHAPE,
    values: { realized_pnl: { aggregate: 'sum', column: 'amount' } },
    kind: 'realized_pnl',
  })
}

/** Reads its rows: exact decimal text by asset, a canary among them. Throws `ReconError` (`unordered-leg`) where an asset comes twice. */
export async function readRealizedPnl(lines: Lines): Promise<ReadonlyMap<string, string>> {
  const sums = new Map<string, string>()
  for await (const { asset = '', realized_pnl: sum = '' } of readRows(lines, SHAPE)) {
    if (sums.has(asset)) throw new ReconError('unordered-leg', `the realized PnL of ${JSON.stringify(asset)} came twice in one answer`)
    sums.set(asset, sum)
  }
  return sums
}
