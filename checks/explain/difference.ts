import { type Decimal, formatDecimal, negateDecimal, subtractDecimals } from '../../epoch/decimal.ts'
import type { Sequence } from '../../epoch/epoch.ts'
import type { FactIds, LedgerFact } from '../../epoch/fact.ts'
import type { AmountTexts } from './amounts.ts'

/**
 * How a fact can differ: in PostgreSQL's log and not in ClickHouse; in ClickHouse and not in the log; in both and not the same; a second fact where there
 * should be one. An identical row that was delivered twice is none of these.
 */
export const DIFFERENCE_KINDS = ['missing', 'extra', 'altered', 'duplicated'] as const
/** One of `DIFFERENCE_KINDS`. */
export type DifferenceKind = (typeof DIFFERENCE_KINDS)[number]

/** One fact whose effect differs between PostgreSQL's logs and ClickHouse. */
export interface FactDifference {
  readonly kind: DifferenceKind
  /** The table of ClickHouse that holds it, or should. */
  readonly table: 'transactions' | 'positions'
  readonly stream: string
  readonly sequence: Sequence
  readonly time: string
  readonly effect: string
  readonly account: string
  readonly asset: string | null
  readonly symbol: string
  readonly postgres: AmountTexts | null
  readonly clickhouse: AmountTexts | null
  /** What it makes PostgreSQL's logs say more than ClickHouse. */
  readonly difference: AmountTexts
  readonly ids: FactIds
  /** Where a missing fact stands instead, or where an extra one belongs. */
  readonly elsewhere?: { readonly account: string; readonly asset: string | null }
  /** The fact that a duplicated one repeats. */
  readonly twin?: { readonly stream: string; readonly sequence: Sequence; readonly ids: FactIds }
}

/** How many of each kind. */
export type DifferenceCounts = Readonly<Record<DifferenceKind, bigint>>

/** Nothing differs. */
export const NO_DIFFERENCES: DifferenceCounts = { missing: 0n, extra: 0n, altered: 0n, duplicated: 0n }

/** A transaction that is in the log and not in ClickHouse. */
export function missingFact(logged: LedgerFact): FactDifference {
  return { kind: 'missing', ...nameOf(logged), postgres: amount(logged.amount), clickhouse: null, difference: amount(logged.amount) }
}

/** A transaction that is in ClickHouse and not in the log, or, with its twin, there one time too often. */
export function surplusFact(row: LedgerFact, twin?: LedgerFact): FactDifference {
  const difference = amount(negateDecimal(row.amount))
  const common = { ...nameOf(row), postgres: null, clickhouse: amount(row.amount), difference }
  if (!twin) return { kind: 'extra', ...common }
  return { kind: 'duplicated', ...common, twin: { stream: twin.stream, sequence: twin.sequence, ids: twin.ids } }
}

/** A transaction that is on both sides, and not the same. */
export function alteredFact(logged: LedgerFact, row: LedgerFact): FactDifference {
  return {
    kind: 'altered',
    ...nameOf(logged),
    asset: logged.asset ?? row.asset,
    ids: { ...logged.ids, ...row.ids },
    postgres: amount(logged.amount),
    clickhouse: amount(row.amount),
    difference: amount(subtractDecimals(logged.amount, row.amount)),
  }
}

/** Whether two rows of ClickHouse claim to be one fact: by their content address, or by all that they say. */
export function areTwins(a: LedgerFact, b: LedgerFact): boolean {
  if (a.ids['transaction_id'] === b.ids['transaction_id']) return true
  return a.stream === b.stream && a.sequence === b.sequence && a.time === b.time && sameEffect(a, b)
}

/** Whether two facts do the same to the same balance. A log that does not say its asset agrees with any. */
export function sameEffect(a: LedgerFact, b: LedgerFact): boolean {
  const sameKey = a.account === b.account && (a.asset === b.asset || a.asset === null || b.asset === null)
  return sameKey && a.effect === b.effect && a.symbol === b.symbol && formatDecimal(a.amount) === formatDecimal(b.amount)
}

function nameOf({ stream, sequence, time, effect, account, asset, symbol, ids }: LedgerFact) {
  return { table: 'transactions', stream, sequence, time, effect, account, asset, symbol, ids } as const
}

function amount(value: Decimal): AmountTexts {
  return { amount: formatDecimal(value) }
}
