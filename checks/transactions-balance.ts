import { clickHouseHistoryLeg } from '../stores/clickhouse/history-leg.ts'
import { quoteIdentifier as chQuote } from '../stores/clickhouse/identifiers.ts'
import { quoteIdentifier as pgQuote, quoteTable as pgQuoteTable } from '../stores/postgres/identifiers.ts'
import { postgresSnapshotLeg } from '../stores/postgres/snapshot-leg.ts'
import { type CheckSources, horizonOf } from './check-sources.ts'
import { columnOf } from './reference-model.ts'
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
    left: balancesLeg(sources),
    right: transactionsLeg(sources),
  })
}

function balancesLeg({ postgres, streams, tables, memoryBytesMax }: CheckSources) {
  const { balances } = tables.postgres
  const table = pgQuoteTable(balances.schema, balances.name)
  const column = (name: string) => pgQuote(columnOf(balances, name))
  const stampOf = (stream: string) => {
    const stamp = balances.stamps[stream]
    // A stream that stamps no balance cannot tear one.
    return stamp === undefined ? '0' : `max(${pgQuote(stamp)})`
  }
  return postgresSnapshotLeg({
    store: postgres,
    streams: Object.entries(streams).map(([name, sql]) => ({ name, sql })),
    rows: `select ${column('account_id')} as account_id, ${column('asset')} as asset, ${column('balance')} as balance from ${table}`,
    stamps: `select ${Object.keys(streams)
      .map(stream => `${stampOf(stream)} as ${pgQuote(stream)}`)
      .join(', ')} from ${table}`,
    shape: SHAPE,
    memoryBytesMax,
  })
}

function transactionsLeg(sources: CheckSources) {
  const { transactions } = sources.tables.clickhouse
  const column = (name: string) => columnOf(transactions, name)
  return clickHouseHistoryLeg(
    sources.clickhouse,
    {
      table: { database: transactions.schema, name: transactions.name },
      streams: Object.keys(sources.streams),
      streamColumn: column('stream'),
      sequenceColumn: column('sequence'),
      address: [column('transaction_id')],
      facts: ['account_id', 'asset', 'symbol', 'kind', 'amount', 'occurred_at'].map(column),
      decimals: [column('amount')],
      keys: { account_id: column('account_id'), asset: column('asset') },
      values: { balance: `sumIf(${chQuote(column('amount'))}, in_epoch)` },
      shape: SHAPE,
    },
    horizonOf(sources, 'transactions'),
  )
}
