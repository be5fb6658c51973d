import type { Check } from './check.ts'
import type { CheckSources } from './check-sources.ts'
import type { CustodySource } from './omnibus/custody-source.ts'
import { omnibusBalancesSquare } from './omnibus-balances-square.ts'
import { pnlIsZeroSum } from './pnl-is-zero-sum.ts'
import { positionRealizedPnlsBalance } from './position-realized-pnls-balance.ts'
import { positionsMatch } from './positions-match.ts'
import { relationCheck } from './run-relation.ts'
import { transactionsBalance } from './transactions-balance.ts'

/** The invariants of the product by name, each made out of where to read. A new one is a file of its own and a line here. */
export const BUILTIN_CHECKS = {
  'transactions-balance': sources => relationCheck(transactionsBalance(sources)),
  'position-realized-pnls-balance': sources => relationCheck(positionRealizedPnlsBalance(sources)),
  'positions-match': sources => relationCheck(positionsMatch(sources)),
  'pnl-is-zero-sum': pnlIsZeroSum,
} as const satisfies Readonly<Record<string, (sources: CheckSources) => Check>>

/** The name of an invariant of the product. */
export type BuiltinCheckName = keyof typeof BUILTIN_CHECKS

/** All of them, in the order in which they are shown. */
export const BUILTIN_CHECK_NAMES = Object.keys(BUILTIN_CHECKS) as readonly BuiltinCheckName[]

/** The invariants that ask the custodian beside the two stores, by name. */
export const CUSTODY_CHECKS = {
  'omnibus-balances-square': omnibusBalancesSquare,
} as const satisfies Readonly<Record<string, (sources: CheckSources, custody: CustodySource) => Check>>

/** The name of such an invariant. */
export type CustodyCheckName = keyof typeof CUSTODY_CHECKS

/** All of them, in the order in which they are shown. */
export const CUSTODY_CHECK_NAMES = Object.keys(CUSTODY_CHECKS) as readonly CustodyCheckName[]
