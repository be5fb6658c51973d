import type { CheckSources } from './check-sources.ts'
import { historyLeg, stateLeg } from './reference-legs.ts'
import { defineRelation, type Relation } from './relation.ts'

const SHAPE = { keys: ['account_id', 'asset'], values: ['balance'], aggregating: true } as const

/**
 * PostgreSQL's balances are the sums of ClickHouse's transactions, per account and asset (design section 4). The cut of the balances brings
 * the epoch; the transactions are summed as of it.
 */
export function transactionsBalance(sources: CheckSources): Relation {
  return defineRelation({
    name: 'transactions-balance',
    description: 'PostgreSQL balances = sum of ClickHouse transactions, per account and asset',
    ...SHAPE,
    left: stateLeg(sources, sources.tables.postgres.balances, SHAPE),
    right: historyLeg(sources, 'transactions', { shape: SHAPE, values: { balance: { aggregate: 'sum', column: 'amount' } } }),
  })
}
