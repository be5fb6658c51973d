import type { OmnibusFacts, OmnibusTerms } from '../../checks/omnibus/facts.ts'
import type { Transfer } from '../../checks/omnibus/transfer.ts'
import type { CustodianBalance, CustodianMovement, MovementKind } from '../../stores/custodian/custodian.ts'
import { NOTHING_SETTLED } from '../../stores/state/settled-record.ts'
import { ASSETS, type Fee, type Truth, VAULTS, type When } from './truth.ts'

/** When the books were cut, when the custodian answered, and until when it is known what was booked since; in this order. */
export interface Cut {
  readonly e: number
  readonly t: number
  readonly later: number
}

/** What the custodian held before, and what is tolerated of it. */
export const TERMS: OmnibusTerms = {
  opening: { BTC: '12.5', USD: '0' },
  classification: { REWARD: 'in', SLASH: 'out' },
  inFlightLimitMs: 300,
}

/** The realized PnL of the books by asset; trading has put it into the balances. */
const PNL = { BTC: 7n * 10n ** 17n, USD: -3n } as const

/** How a reference is called. */
export function referenceOf({ name }: Truth): string {
  return `ref-${name}`
}

/** Decimal text of units of 10^-18. */
export function amountText(units: bigint): string {
  const digits = (units < 0n ? -units : units).toString().padStart(19, '0')
  const places = digits.slice(-18).replace(/0+$/, '')
  return `${units < 0n ? '-' : ''}${digits.slice(0, -18)}${places === '' ? '' : `.${places}`}`
}

/** Everything that can be read of the world at a cut, nothing settled. */
export function factsAt(truths: readonly Truth[], { e, t, later }: Cut): OmnibusFacts {
  const movements = listAt(truths, t)
  const transfers = transfersOf(truths)
  return {
    atMs: t,
    balances: balancesOf(movements),
    movements,
    books: ASSETS.map(asset => {
      const posted = transfers
        .filter(transfer => transfer.asset === asset && transfer.createdAtMs <= e)
        .reduce((sum, { direction, units }) => sum + (direction === 'deposit' ? units : -units), 0n)
      return { asset, balances: amountText(posted + PNL[asset]), realizedPnl: amountText(PNL[asset]) }
    }),
    transfers: transfers.filter(({ createdAtMs }) => createdAtMs <= e),
    laterTransfers: transfers.filter(({ createdAtMs }) => createdAtMs > e && createdAtMs <= later),
    settled: { sums: NOTHING_SETTLED, movements: [], transfers: [] },
  }
}

interface Move {
  readonly id: string
  readonly description: string
  readonly kind: MovementKind
  readonly type: string
  readonly asset: string
  readonly units: bigint
  readonly fee: Fee | null
  readonly createdAt: number
  readonly endsAt: When
  readonly fails: boolean
  readonly vault: string
  /** Which way it goes when nothing else says so. */
  readonly way?: 'in' | 'out'
}

/** The custodian's list at a moment, newest first in each vault. */
function listAt(truths: readonly Truth[], t: number): readonly (CustodianMovement & { readonly moved: bigint })[] {
  const moves = truths.flatMap(movesOf).filter(({ createdAt }) => createdAt <= t)
  const newestFirst = [...moves].sort((a, b) => b.createdAt - a.createdAt || (a.id < b.id ? 1 : -1))
  return VAULTS.flatMap(vault => newestFirst.filter(move => move.vault === vault)).map(move => {
    const ended = move.endsAt !== null && move.endsAt <= t
    const state = ended ? (move.fails ? 'failed' : 'success') : 'pending'
    const status = { failed: 'FAILURE', success: 'SUCCESS', pending: 'INPROGRESS' }[state]
    return {
      id: move.id,
      vault: move.vault,
      kind: move.kind,
      type: move.type,
      state,
      status,
      asset: move.asset,
      amount: amountText(move.units),
      fee: amountText(move.fee?.units ?? 0n),
      feeAsset: move.fee?.asset ?? move.asset,
      description: move.description,
      endedAt: ended && move.endsAt !== null ? new Date(move.endsAt).toISOString() : null,
      moved: movedBy(move),
    }
  })
}

function movedBy({ kind, type, units, way }: Move): bigint {
  if (kind === 'internal') return 0n
  const out = kind === 'withdrawal' || type === 'SLASH' || (type === 'RIDDLE' && way === 'out')
  return out ? -units : units
}

function movesOf(truth: Truth): readonly Move[] {
  const { name, by, vault, asset, units, fee, createdAt, endsAt, fails } = truth
  const reference = referenceOf(truth)
  const named = by === 'id' ? { id: reference, description: 'invoice' } : { id: `m-${name}`, description: reference }
  const move = { ...named, vault, asset, units, fee, createdAt, endsAt, fails }
  if (truth.what === 'other') {
    const kind = truth.type === 'TRANSFER' ? 'internal' : 'other'
    return [{ ...move, id: `m-${name}`, description: 'payout', kind, type: truth.type, way: truth.way }]
  }
  const { fault, againAt } = truth
  if (fault === 'missing' || fault === 'lost') return []
  const goesOut = truth.what === 'withdrawal' || fault === 'goes-out'
  const kind = goesOut ? 'withdrawal' : 'deposit'
  const first: Move = { ...move, kind, type: kind.toUpperCase(), asset: fault === 'other-asset' ? otherAsset(asset) : asset }
  const second: Move = { ...first, id: `n-${name}`, description: reference, fee: null, createdAt: againAt, endsAt: againAt, fails: false }
  return fault === 'moved-twice' || fault === 'sent-twice' ? [first, second] : [first]
}

/** The asset that is not this one. */
export function otherAsset(asset: string): string {
  return ASSETS.find(other => other !== asset) ?? ''
}

function balancesOf(movements: readonly (CustodianMovement & { readonly moved: bigint })[]): readonly CustodianBalance[] {
  const opening = { BTC: 125n * 10n ** 17n, USD: 0n } as const
  const moved = movements.filter(({ state }) => state === 'success')
  return VAULTS.flatMap(vault =>
    ASSETS.map(asset => {
      const held = vault === VAULTS[0] ? opening[asset] : 0n
      const total = moved
        .filter(movement => movement.vault === vault)
        .reduce((sum, movement) => {
          const fee = movement.feeAsset === asset ? unitsOf(movement.fee) : 0n
          return sum + (movement.asset === asset ? movement.moved : 0n) - fee
        }, held)
      return { vault, asset, total: amountText(total) }
    }),
  )
}

function unitsOf(text: string): bigint {
  const [whole = '', places = ''] = text.split('.')
  return BigInt(whole + places.padEnd(18, '0'))
}

/** Everything that is ever booked, in the order of the cash stream. */
function transfersOf(truths: readonly Truth[]): readonly (Transfer & { readonly units: bigint })[] {
  const posts = truths.flatMap(postsOf).sort((a, b) => a.createdAtMs - b.createdAtMs || (a.transferId < b.transferId ? -1 : 1))
  return posts.map((post, at) => ({ ...post, amount: amountText(post.units), sequence: BigInt(at + 1) }))
}

function postsOf(truth: Truth) {
  if (truth.what === 'other') return []
  const { name, asset, units, fault, bookedAt, againAt, what: direction } = truth
  const post = (id: string, at: When, fields: object = {}) =>
    at === null ? [] : [{ transferId: `${name}-${id}`, asset, direction, units, reference: referenceOf(truth), createdAtMs: at, ...fields }]
  const refund = (id: string, at: When, off = 0n) =>
    post(id, at, { direction: 'deposit', reference: `refund:${name}-1`, units: units + off })
  const first = post('1', fault === 'unbooked' ? null : bookedAt, {
    units: fault === 'off' ? units + 1n : units,
    reference: fault === 'misnamed' ? `${referenceOf(truth)}?` : referenceOf(truth),
  })
  const twice = fault === 'credited-twice' || fault === 'debited-twice' ? post('2', againAt) : []
  if (truth.what === 'deposit') return [...first, ...twice]
  const { refundedAt } = truth
  const off = fault === 'off' || fault === 'refund-off' ? 1n : 0n
  return [...first, ...twice, ...refund('r1', refundedAt, off), ...(fault === 'refunded-twice' ? refund('r2', againAt) : [])]
}
