import type { ReferenceHistoryName, ReferenceTables } from '../../checks/reference-model.ts'
import type { ColumnNeed } from './judge-columns.ts'

const NAME_RISK = 'names are compared as text, so both stores must write them alike'
const SEQUENCE_RISK = 'it may not reach every sequence'
const DECIMAL_RISK = 'an amount with more places in one store than the other can hold is a difference that nobody made'

const PG_TEXT: ColumnNeed = { right: /^text$/, works: /^(character|bpchar|citext|uuid|name)/, reference: 'text', risk: NAME_RISK }
const PG_SEQUENCE: ColumnNeed = { right: /^bigint$/, works: /^(integer|smallint|numeric)/, reference: 'bigint', risk: SEQUENCE_RISK }
const PG_DECIMAL: ColumnNeed = { right: /^numeric\(38,18\)$/, works: /^numeric/, reference: 'numeric(38,18)', risk: DECIMAL_RISK }
const PG_TIME: ColumnNeed = {
  right: /^timestamp\(?6?\)? ?with time zone$/,
  works: /^timestamp/,
  reference: 'timestamp with time zone',
  risk: 'ages and times in the evidence may be off',
}

const STRING = 'String|FixedString\\(\\d+\\)|Enum(8|16)\\(.*\\)|UUID'
const CH_TEXT: ColumnNeed = {
  right: /^(String|LowCardinality\(String\))$/,
  works: new RegExp(`^(?:LowCardinality\\()?(?:Nullable\\()?(?:${STRING})\\)*$`),
  reference: 'String',
  risk: NAME_RISK,
}
/** A fact without it would belong to no epoch, or be no fact of its own. */
const CH_ADDRESS: ColumnNeed = { ...CH_TEXT, works: new RegExp(`^(?:LowCardinality\\()?(?:${STRING})\\)*$`) }
const CH_SEQUENCE: ColumnNeed = { right: /^UInt64$/, works: /^U?Int(8|16|32|64)$/, reference: 'UInt64', risk: SEQUENCE_RISK }
const CH_DECIMAL: ColumnNeed = {
  right: /^Decimal\(38, 18\)$/,
  works: /^Decimal\(\d+, \d+\)$/,
  reference: 'Decimal(38, 18)',
  risk: DECIMAL_RISK,
}
const CH_TIME: ColumnNeed = { right: /^DateTime64\(\d(, '.*')?\)$/, works: /./, reference: "DateTime64(6, 'UTC')", risk: 'it is coarse' }

/** What is read of PostgreSQL's tables, by reference names; of a state table the stamps stand beside it, per stream. */
export const POSTGRES_NEEDS = {
  balances: { account_id: PG_TEXT, asset: PG_TEXT, balance: PG_DECIMAL },
  positions: { account_id: PG_TEXT, symbol: PG_TEXT, quantity: PG_DECIMAL, cost_basis: PG_DECIMAL, realized_pnl: PG_DECIMAL },
  trades: {
    execution_id: PG_TEXT,
    trade_id: PG_TEXT,
    sequence: PG_SEQUENCE,
    account_id: PG_TEXT,
    symbol: PG_TEXT,
    side: PG_TEXT,
    quantity: PG_DECIMAL,
    price: PG_DECIMAL,
    fee: PG_DECIMAL,
    realized_pnl: PG_DECIMAL,
    state: PG_TEXT,
    executed_at: PG_TIME,
  },
  transfers: {
    transfer_id: PG_TEXT,
    sequence: PG_SEQUENCE,
    account_id: PG_TEXT,
    asset: PG_TEXT,
    direction: PG_TEXT,
    amount: PG_DECIMAL,
    custodian_reference: PG_TEXT,
    created_at: PG_TIME,
  },
} as const satisfies Readonly<Record<keyof ReferenceTables['postgres'], Readonly<Record<string, ColumnNeed>>>>
/** What they need of a stamp. */
export const STAMP_NEED: ColumnNeed = PG_SEQUENCE
/** What they need of ClickHouse's histories. */
export const HISTORY_NEEDS = {
  transactions: {
    stream: CH_ADDRESS,
    sequence: CH_SEQUENCE,
    transaction_id: CH_ADDRESS,
    account_id: CH_TEXT,
    asset: CH_TEXT,
    symbol: CH_TEXT,
    kind: CH_TEXT,
    amount: CH_DECIMAL,
    occurred_at: CH_TIME,
  },
  positions: {
    stream: CH_ADDRESS,
    sequence: CH_SEQUENCE,
    execution_id: CH_ADDRESS,
    account_id: CH_ADDRESS,
    symbol: CH_ADDRESS,
    asset: CH_TEXT,
    quantity: CH_DECIMAL,
    cost_basis: CH_DECIMAL,
    realized_pnl: CH_DECIMAL,
    occurred_at: CH_TIME,
  },
  pnl_marks: {
    mark_cycle: CH_SEQUENCE,
    stream: CH_ADDRESS,
    sequence: CH_SEQUENCE,
    account_id: CH_ADDRESS,
    symbol: CH_ADDRESS,
    asset: CH_TEXT,
    mark_price: CH_DECIMAL,
    realized_pnl: CH_DECIMAL,
    unrealized_pnl: CH_DECIMAL,
    marked_at: CH_TIME,
  },
} as const satisfies Readonly<Record<ReferenceHistoryName | 'pnl_marks', Readonly<Record<string, ColumnNeed>>>>
/** What they need of ClickHouse's watermarks. */
export const WATERMARKS_NEED = { table_name: CH_TEXT, stream: CH_TEXT, sequence: CH_SEQUENCE, rows_total: CH_SEQUENCE } as const
