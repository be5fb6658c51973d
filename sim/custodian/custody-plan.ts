import { ReconError } from '../../epoch/recon-error.ts'
import { refundedId, type Transfer, transferAt, transferNumber, withdrawalFails } from '../exchange/cash-stream.ts'
import { moneyText } from '../exchange/fixed-point.ts'
import { transfersDue } from '../exchange/market.ts'
import { purposes, randomAt } from '../exchange/random.ts'
import { headAt } from '../exchange/schedule.ts'
import type { BooksLink } from './books-link.ts'
import type { CustodianParts } from './custodian-parts.ts'
import type { Followed } from './followed.ts'
import type { Journal, JournalProgress } from './journal.ts'
import { endedAt, type SimMovement, statusAt } from './movement.ts'

/** What the custodian does about each transfer of an exchange, and up to where the books may go meanwhile. */
export interface CustodyPlan extends BooksLink {
  /** Takes up what an earlier custodian knew. */
  readonly resume: (journal: Journal) => void
  /** Makes what is to be made by now, and gives it. */
  readonly advance: () => readonly SimMovement[]
  /** The last transfer that the books may have: the custodian has every deposit up to it, and has failed every withdrawal that is given back up to it. */
  readonly mayBook: () => bigint
  readonly progress: () => JournalProgress
}

// How far the custodian is ahead of the books at the most, in transfers.
const AHEAD_MAX = 1_000n
const TAKEN_AT_ONCE_MAX = 2_000n
const FAILS_AFTER_MS_MAX = 200
const FAILURES = ['FAILURE', 'REJECTED', 'EXPIRED'] as const

/** Makes the plan of a custodian that knows nothing of the exchange yet. */
export function planCustody(parts: CustodianParts, followed: Followed): CustodyPlan {
  const { market } = followed
  const { book } = parts
  let announced = 0n
  let taken = 0n
  let through = 0n
  const instead = new Map<bigint, Transfer>()
  const idOf = new Map<string, string>()
  const numberOf = new Map<string, bigint>()

  const transfer = (number: bigint) => instead.get(number) ?? transferAt(market, number)
  const dueAt = (wallMs: number) => transfersDue(market, headAt(followed.schedule(), wallMs))
  const know = (number: bigint, { custodianReference }: Transfer, id: string) => {
    idOf.set(custodianReference, id)
    numberOf.set(custodianReference, number)
  }
  const take = (number: bigint, due: Transfer, movement: SimMovement) => {
    // At once, so that the next withdrawal does not spend what this one spends.
    book.add([movement])
    know(number, due, movement.id)
    return movement
  }

  const announce = (nowMs: number) => {
    const made: SimMovement[] = []
    const due = dueAt(nowMs)
    const last = least(dueAt(nowMs + followed.leadMs), followed.booked() + AHEAD_MAX)
    while (announced < last) {
      announced += 1n
      const deposit = transfer(announced)
      if (!isPlainDeposit(deposit) || instead.has(announced)) continue
      const random = randomAt(market.seed, purposes.custodian, announced)
      // One that is due already has settled by now.
      const settleMs = announced <= due ? 0 : random.below(Math.max(1, Math.floor(followed.leadMs)))
      made.push(take(announced, deposit, parts.make({ type: 'DEPOSIT', order: { ...orderOf(deposit), settleMs } })))
    }
    return made
  }
  const carryOut = () => {
    const made: SimMovement[] = []
    const last = least(followed.booked(), taken + TAKEN_AT_ONCE_MAX)
    while (taken < last) {
      taken += 1n
      const withdrawal = transfer(taken)
      if (withdrawal.direction !== 'withdrawal') continue
      const random = randomAt(market.seed, purposes.refund, -taken)
      const failure = withdrawalFails(market, taken)
        ? { outcome: FAILURES[random.below(FAILURES.length)] ?? 'FAILURE', settleMs: random.below(FAILS_AFTER_MS_MAX) }
        : {}
      made.push(take(taken, withdrawal, parts.make({ type: 'WITHDRAW', order: { ...orderOf(withdrawal), ...failure } })))
    }
    return made
  }
  const canBeBooked = (number: bigint, nowMs: number) => {
    const next = transfer(number)
    const refunded = refundedId(next)
    if (refunded === undefined && (next.direction === 'withdrawal' || instead.has(number))) return true
    const reference = refunded === undefined ? next.custodianReference : transfer(transferNumber(refunded)).custodianReference
    const movement = book.find(idOf.get(reference) ?? '')
    if (movement === undefined || endedAt(movement, nowMs) === undefined) return false
    return (statusAt(movement, nowMs) === 'SUCCESS') === (refunded === undefined)
  }

  return {
    resume: ({ movements, progress }) => {
      parts.resume(movements, progress.made)
      announced = progress.announced
      taken = progress.taken
      for (const [number, written] of progress.instead) instead.set(number, written)
      const byReference = new Map(movements.flatMap(({ id, description }) => [[id, id] as const, [description, id] as const]))
      for (let number = 1n; number <= announced; number++) {
        const id = byReference.get(transfer(number).custodianReference)
        if (id !== undefined) know(number, transfer(number), id)
      }
    },
    advance: () => [...announce(parts.wallMs()), ...carryOut()],
    mayBook: () => {
      const nowMs = parts.wallMs()
      if (through < followed.booked()) through = followed.booked()
      while (through < announced && canBeBooked(through + 1n, nowMs)) through += 1n
      return through
    },
    progress: () => ({ announced, taken, made: parts.made(), instead }),
    hasBooked: reference => {
      const number = numberOf.get(reference)
      return number !== undefined && number <= followed.booked()
    },
    transferOf: reference => {
      const number = numberOf.get(reference)
      return number === undefined ? undefined : transfer(number)
    },
    writeInstead: deposit => {
      const end = followed.schedule().through
      let number = announced + 1n
      while (!isPlainDeposit(transfer(number)) || instead.has(number)) number += 1n
      if (end !== undefined && number > transfersDue(market, end)) {
        throw new ReconError('fault-beyond-the-end', 'no deposit is to come that the custodian has not announced: plant the fault earlier')
      }
      instead.set(number, { ...deposit, transferId: `C${number}`, direction: 'deposit' })
      followed.order({ through, instead })
      return number
    },
  }
}

function orderOf({ asset, amount, custodianReference }: Transfer) {
  return { asset, amount: moneyText(amount), reference: custodianReference }
}

function isPlainDeposit(transfer: Transfer): boolean {
  return transfer.direction === 'deposit' && refundedId(transfer) === undefined
}

function least(a: bigint, b: bigint): bigint {
  return a < b ? a : b
}
