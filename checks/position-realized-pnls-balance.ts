import { postgresEpochSource } from '../stores/postgres/epoch-source.ts'
import type { CheckSources } from './check-sources.ts'
import { historyLeg, lastOf, streamSources } from './reference-legs.ts'
import { defineRelation, type Relation } from './relation.ts'

const SHAPE = { keys: ['account_id', 'symbol'], values: ['realized_pnl'], aggregating: true } as const

/**
 * The realized PnL of ClickHouse's positions is the sum of its realized_pnl transactions, per account and symbol (design section 4). Both are
 * read as of how far PostgreSQL had folded the streams, each table under its own horizon.
 */
export function positionRealizedPnlsBalance(sources: CheckSources): Relation {
  return defineRelation({
    name: 'position-realized-pnls-balance',
    description: 'ClickHouse positions realized PnL = sum of ClickHouse realized_pnl transactions, per account and symbol',
    ...SHAPE,
    epoch: postgresEpochSource(sources.postgres, streamSources(sources)),
    left: historyLeg(sources, 'positions', { shape: SHAPE, values: lastOf(SHAPE.values) }),
    right: historyLeg(sources, 'transactions', {
      shape: SHAPE,
      values: { realized_pnl: { aggregate: 'sum', column: 'amount' } },
      kind: 'realized_pnl',
    }),
  })
}
