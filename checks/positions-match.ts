import type { CheckSources } from './check-sources.ts'
import { historyLeg, lastOf, stateLeg } from './reference-legs.ts'
import { defineRelation, type Relation } from './relation.ts'

const SHAPE = { keys: ['account_id', 'symbol'], values: ['quantity', 'cost_basis', 'realized_pnl'], aggregating: false } as const

/**
 * PostgreSQL's positions are the last rows of ClickHouse's, per account and symbol (design section 4). The cut of the positions brings the
 * epoch; history answers with the last row at or below it, never with a version that a merge could have dropped.
 */
export function positionsMatch(sources: CheckSources): Relation {
  return defineRelation({
    name: 'positions-match',
    description: 'PostgreSQL positions = last ClickHouse position rows: quantity, cost basis, realized PnL, per account and symbol',
    ...SHAPE,
    left: stateLeg(sources, sources.tables.postgres.positions, SHAPE),
    right: historyLeg(sources, 'positions', { shape: SHAPE, values: lastOf(SHAPE.values) }),
  })
}
