import type { ColumnNeed } from './judge-columns.ts'

const NAME_RISK = 'names are compared as text, so both stores must write them alike'
const SEQUENCE_RISK = 'it may not reach every sequence'
const DECIMAL_RISK = 'an amount with more places in one store than the other can hold is a difference that nobody made'

const PG_TEXT: ColumnNeed = { right: /^text$/, works: /^(character|bpchar|citext|uuid|name)/, reference: 'text', risk: NAME_RISK }
const PG_SEQUENCE: ColumnNeed = { right: /^bigint$/, works: /^(integer|smallint|numeric)/, reference: 'bigint', risk: SEQUENCE_RISK }
const PG_DECIMAL: ColumnNeed = { right: /^numeric\(38,18\)$/, works: /^numeric/, reference: 'numeric(38,18)', risk: DECIMAL_RISK }

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

/** What the checks need of PostgreSQL's balances, by reference names; the stamps stand beside it, per stream. */
export const BALANCES_NEED = { account_id: PG_TEXT, asset: PG_TEXT, balance: PG_DECIMAL } as const
/** What they need of a stamp. */
export const STAMP_NEED: ColumnNeed = PG_SEQUENCE
/** What they need of ClickHouse's transactions. */
export const TRANSACTIONS_NEED = {
  stream: CH_ADDRESS,
  sequence: CH_SEQUENCE,
  transaction_id: CH_ADDRESS,
  account_id: CH_TEXT,
  asset: CH_TEXT,
  symbol: CH_TEXT,
  kind: CH_TEXT,
  amount: CH_DECIMAL,
  occurred_at: CH_TIME,
} as const
/** What they need of ClickHouse's watermarks. */
export const WATERMARKS_NEED = { table_name: CH_TEXT, stream: CH_TEXT, sequence: CH_SEQUENCE, rows_total: CH_SEQUENCE } as const
