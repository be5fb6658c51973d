import fc, { type Arbitrary } from 'fast-check'

/** A time in the small world of these tests, in milliseconds; null is never. */
export type When = number | null

/** A network fee and the asset that it is paid in. */
export interface Fee {
  readonly units: bigint
  readonly asset: string
}

interface Cash {
  readonly name: string
  readonly vault: string
  readonly asset: string
  /** In units of 10^-18. */
  readonly units: bigint
  readonly fee: Fee | null
  /** Which field of the custodian's movement holds the reference. */
  readonly by: 'id' | 'description'
  readonly createdAt: number
}

/** A deposit as it really happens: when the custodian has it, when the books credit it, and what goes wrong with it. */
export interface DepositTruth extends Cash {
  readonly what: 'deposit'
  readonly endsAt: When
  readonly fails: boolean
  readonly bookedAt: When
  /** When what goes wrong a second time does so. */
  readonly againAt: number
  readonly fault: 'none' | 'credited-twice' | 'missing' | 'off' | 'misnamed' | 'goes-out' | 'other-asset' | 'moved-twice'
}

/** A withdrawal as it really happens: when the books debit it, when the custodian is done with it, when it is given back. */
export interface WithdrawalTruth extends Cash {
  readonly what: 'withdrawal'
  readonly bookedAt: When
  readonly endsAt: When
  readonly fails: boolean
  readonly refundedAt: When
  readonly againAt: number
  readonly fault: 'none' | 'sent-twice' | 'unbooked' | 'off' | 'lost' | 'refunded-twice' | 'refund-off' | 'debited-twice'
}

/** A movement that belongs to no transfer. */
export interface OtherTruth extends Cash {
  readonly what: 'other'
  readonly type: 'REWARD' | 'SLASH' | 'RIDDLE' | 'TRANSFER'
  /** Which way it really goes, whether or not the type says so. */
  readonly way: 'in' | 'out'
  readonly endsAt: When
  readonly fails: boolean
}

/** Everything that happens, one entry each. */
export type Truth = DepositTruth | WithdrawalTruth | OtherTruth

/** Names of assets and vaults. */
export const ASSETS = ['BTC', 'USD'] as const
/** The vaults, which together are the custody. */
export const VAULTS = ['north', 'south'] as const
/** The last moment of the world. */
export const END = 1_000

const units = fc.oneof(
  fc.bigInt({ min: 1n, max: 5n }),
  fc.bigInt({ min: 1n, max: 10n ** 22n }),
  fc.bigInt({ min: 1n, max: 9n }).map(n => n * 10n ** 18n),
)
// Whatever happens a second time does so at an odd moment, so that two things of one transfer never happen at once.
const time = fc.integer({ min: 0, max: END / 2 }).map(half => half * 2)
const again = fc.integer({ min: 0, max: END / 2 - 1 }).map(half => half * 2 + 1)
const sometime = fc.option(time, { freq: 6 })

/** What is common to whatever moves at the custodian. */
const cash = {
  vault: fc.constantFrom(...VAULTS),
  asset: fc.constantFrom(...ASSETS),
  units,
  fee: fc.option(fc.record({ units, asset: fc.constantFrom(...ASSETS) }), { freq: 3 }),
  by: fc.constantFrom('id' as const, 'description' as const),
  createdAt: time,
}

function faults<const Fault extends string>(faulty: boolean, ...names: readonly Fault[]): Arbitrary<Fault | 'none'> {
  const none = fc.constant('none' as const)
  return faulty ? fc.oneof({ arbitrary: none, weight: names.length }, { arbitrary: fc.constantFrom(...names), weight: names.length }) : none
}

/** In a healthy world the custodian has a deposit before the books credit it, sends a withdrawal after they have debited it, and nothing that has failed stays. */
function inOrder(truth: Truth, healthy: boolean): Truth {
  if (!healthy) return { ...truth, createdAt: Math.min(truth.createdAt, truth.endsAt ?? END) }
  const [first = 0, second = 0, third = 0, fourth = 0] = [truth.createdAt, ...timesOf(truth)].sort((a, b) => a - b)
  switch (truth.what) {
    case 'deposit':
      return {
        ...truth,
        createdAt: first,
        endsAt: truth.endsAt === null ? null : second,
        bookedAt: truth.endsAt === null || truth.fails ? null : third,
      }
    case 'withdrawal': {
      const refundedAt = truth.fails && truth.endsAt !== null && truth.refundedAt !== null ? fourth : null
      return { ...truth, bookedAt: first, createdAt: second, endsAt: truth.endsAt === null ? null : third, refundedAt }
    }
    case 'other':
      return { ...truth, createdAt: first, endsAt: truth.endsAt === null ? null : second }
    default:
      return truth satisfies never
  }
}

function timesOf(truth: Truth): readonly number[] {
  if (truth.what === 'other') return [truth.endsAt ?? END]
  if (truth.what === 'deposit') return [truth.endsAt ?? END, truth.bookedAt ?? END]
  return [truth.bookedAt ?? END, truth.endsAt ?? END, truth.refundedAt ?? END]
}

/** Histories of transfers, healthy, or with any faults at any time and in any order. Every entry has a name of its own. */
export function arbitraryTruths({
  faulty,
  maxLength = 14,
}: {
  readonly faulty: boolean
  readonly maxLength?: number
}): Arbitrary<readonly Truth[]> {
  const unnamed: Arbitrary<Truth> = fc.oneof(
    fc.record({
      ...cash,
      name: fc.constant(''),
      what: fc.constant('deposit' as const),
      endsAt: sometime,
      fails: fc.boolean().map(fails => fails && faulty),
      bookedAt: sometime,
      againAt: again,
      fault: faults(faulty, 'credited-twice', 'missing', 'off', 'misnamed', 'goes-out', 'other-asset', 'moved-twice'),
    }),
    fc.record({
      ...cash,
      name: fc.constant(''),
      what: fc.constant('withdrawal' as const),
      endsAt: sometime,
      fails: fc.boolean(),
      bookedAt: sometime,
      refundedAt: sometime,
      againAt: again,
      fault: faults(faulty, 'sent-twice', 'unbooked', 'off', 'lost', 'refunded-twice', 'refund-off', 'debited-twice'),
    }),
    fc.record({
      ...cash,
      name: fc.constant(''),
      what: fc.constant('other' as const),
      endsAt: sometime,
      fails: fc.boolean(),
      type: faulty ? fc.constantFrom('REWARD', 'SLASH', 'RIDDLE', 'TRANSFER') : fc.constantFrom('REWARD', 'SLASH', 'TRANSFER'),
      way: fc.constantFrom('in' as const, 'out' as const),
    }),
  )
  return fc.array(unnamed, { maxLength }).map(truths => truths.map((truth, at) => inOrder({ ...truth, name: `x${at}` }, !faulty)))
}
