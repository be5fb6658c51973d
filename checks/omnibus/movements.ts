import type { CustodianMovement, MovementState } from '../../stores/custodian/custodian.ts'

/** How the configuration reads types that are neither deposit, withdrawal nor internal: whether they bring custody in or take it out. */
export type Classification = Readonly<Record<string, 'in' | 'out'>>

const MOVED_FIRST = { success: 0, pending: 1, failed: 2 } as const satisfies Record<MovementState, number>

/** Whether a movement belongs to a transfer of the books. */
export function isTransferred({ kind }: CustodianMovement): boolean {
  return kind === 'deposit' || kind === 'withdrawal'
}

/** Whether a movement that has moved money is of a type that nobody classified, so that not even its direction is known. */
export function isUnclassified({ kind, type, state }: CustodianMovement, classification: Classification): boolean {
  return kind === 'other' && state === 'success' && !Object.hasOwn(classification, type)
}

/** Which way a movement takes its amount, once it has moved it; `none` between vaults and where it is not known. */
export function directionOf({ kind, type }: CustodianMovement, classification: Classification): 'in' | 'out' | 'none' {
  switch (kind) {
    case 'deposit':
      return 'in'
    case 'withdrawal':
      return 'out'
    case 'internal':
      return 'none'
    case 'other':
      return Object.hasOwn(classification, type) ? (classification[type] ?? 'none') : 'none'
    default:
      return kind satisfies never
  }
}

/** When it reached its end state, in milliseconds since 1970; undefined until then. */
export function endedAtMs({ endedAt }: CustodianMovement): number | undefined {
  const ms = endedAt === null ? Number.NaN : Date.parse(endedAt)
  return Number.isNaN(ms) ? undefined : ms
}

/** Orders movements so that what has moved money stands before what may and what never will, and the older first. */
export function inOrderOfMoving(a: CustodianMovement, b: CustodianMovement): number {
  const states = MOVED_FIRST[a.state] - MOVED_FIRST[b.state]
  if (states !== 0) return states
  const [x, y] = [endedAtMs(a) ?? Number.MAX_SAFE_INTEGER, endedAtMs(b) ?? Number.MAX_SAFE_INTEGER]
  return x !== y ? x - y : a.id < b.id ? -1 : a.id > b.id ? 1 : 0
}
