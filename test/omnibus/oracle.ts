import type { DepositTruth, OtherTruth, Truth, When, WithdrawalTruth } from './truth.ts'

/** The moments of a comparison: the books' cut, the custodian's answer, and until when later bookings are known. */
interface Moments {
  readonly e: number
  readonly t: number
  readonly later: number
}

/** What must come of a history at a cut, in words that can be compared. */
export interface Expected {
  /** Custodian minus books minus what is explained, by asset, in units of 10^-18. */
  readonly residual: Readonly<Record<string, bigint>>
  readonly explained: readonly string[]
  readonly findings: readonly string[]
}

const LIMIT_MS = 300

/** Says what must be found, one entry of the truth after the other, from what really happens. It shares no code with the product. */
export function expectedAt(truths: readonly Truth[], moments: Moments): Expected {
  const ledger = new Ledger(moments)
  for (const truth of truths) {
    if (truth.what === 'deposit') judgeDeposit(truth, ledger)
    else if (truth.what === 'withdrawal') judgeWithdrawal(truth, ledger)
    else judgeOther(truth, ledger)
  }
  return { residual: ledger.residual, explained: ledger.explained.sort(), findings: ledger.findings.sort() }
}

class Ledger {
  readonly residual: Record<string, bigint> = { BTC: 0n, USD: 0n }
  readonly explained: string[] = []
  readonly findings: string[] = []
  readonly #at: Moments

  constructor(at: Moments) {
    this.#at = at
  }

  booked(when: When): boolean {
    return when !== null && when <= this.#at.e
  }
  bookedLater(when: When): boolean {
    return when !== null && when > this.#at.e && when <= this.#at.later
  }
  seen(when: When): boolean {
    return when !== null && when <= this.#at.t
  }
  custody(asset: string, units: bigint): void {
    this.residual[asset] = (this.residual[asset] ?? 0n) + units
  }
  books(asset: string, units: bigint): void {
    this.custody(asset, -units)
  }
  find(kind: string, key: Readonly<Record<string, string>>): void {
    this.findings.push(`${kind} ${Object.values(key).join(' ')}`)
  }
  explain(kind: string, reference: string, asset: string, units: bigint): void {
    this.explained.push(`${kind} ${reference} ${asset} ${units} 0`)
    this.custody(asset, -units)
  }
  onItsWay(kind: string, reference: string, asset: string, units: bigint, since: number): void {
    const age = this.#at.t - since
    this.explained.push(`${kind} ${reference} ${asset} ${units} ${age}`)
    this.custody(asset, -units)
    if (age > LIMIT_MS) this.find('stuck-transfer', { reference, asset })
  }
  fee({ fee }: Truth, reference: string): void {
    if (!fee || fee.units === 0n) return
    this.custody(fee.asset, -fee.units)
    this.explain('network-fee', reference, fee.asset, -fee.units)
  }
}

function judgeDeposit(truth: DepositTruth, ledger: Ledger): void {
  const { name, asset, units, by, endsAt, fails, bookedAt, againAt, fault, createdAt } = truth
  const ref = `ref-${name}`
  const label = by === 'id' ? 'invoice' : ref
  const here = fault !== 'missing'
  const listed = here && ledger.seen(createdAt)
  const moved = here && !fails && ledger.seen(endsAt)
  const credited = ledger.booked(bookedAt)
  const creditedAgain = fault === 'credited-twice' && ledger.booked(againAt)
  const movedAgain = fault === 'moved-twice' && ledger.seen(againAt)
  const inAsset = fault === 'other-asset' ? (asset === 'BTC' ? 'USD' : 'BTC') : asset

  if (moved) ledger.custody(inAsset, fault === 'goes-out' ? -units : units)
  if (movedAgain) ledger.custody(asset, units)
  if (credited) ledger.books(asset, fault === 'off' ? units + 1n : units)
  if (creditedAgain) ledger.books(asset, units)

  const named = fault === 'misnamed' ? false : credited || creditedAgain
  const mine = moved && named && fault !== 'goes-out' && fault !== 'other-asset' && !(movedAgain && againAt < (endsAt ?? 0))
  if (moved) ledger.fee(truth, mine ? ref : label)
  if (credited && creditedAgain) ledger.find('reference-used-twice', { reference: ref })

  const flight = (reference: string, since: number) => ledger.onItsWay('deposit-in-flight', reference, inAsset, units, since)
  if (fault === 'misnamed' && credited) ledger.find('deposit-not-at-custodian', { reference: `${ref}?`, asset })
  if (named) {
    if (listed && fault === 'goes-out') {
      ledger.find('direction-mismatch', { reference: ref })
      return
    }
    if (listed && fault === 'other-asset') {
      ledger.find('asset-mismatch', { reference: ref })
      return
    }
    if (listed && movedAgain) ledger.find('reference-used-twice', { reference: ref })
    if (!moved && !movedAgain) {
      ledger.find('deposit-not-at-custodian', { reference: ref, asset })
      return
    }
    if (fault === 'off') ledger.find('amount-mismatch', { reference: ref, asset })
    return
  }
  if (moved && fault === 'goes-out') ledger.find('unknown-movement', { id: by === 'id' ? ref : `m-${name}`, asset })
  else if (moved) flight(label, endsAt ?? 0)
  if (movedAgain) flight(ref, againAt)
}

function judgeWithdrawal(truth: WithdrawalTruth, ledger: Ledger): void {
  const { name, asset, by, endsAt, fails, bookedAt, againAt, fault, createdAt, refundedAt } = truth
  const ref = `ref-${name}`
  const refund = `refund:${name}-1`
  const debit = fault === 'off' ? truth.units + 1n : truth.units
  const here = fault !== 'lost'
  const listed = here && ledger.seen(createdAt)
  const ended = here && ledger.seen(endsAt)
  const left = ended && !fails
  const leftAgain = fault === 'sent-twice' && ledger.seen(againAt)
  const debits = [...(fault === 'unbooked' ? [] : [bookedAt]), ...(fault === 'debited-twice' ? [againAt] : [])]
  const debited = debits.filter(when => ledger.booked(when)).sort((a, b) => (a ?? 0) - (b ?? 0))
  const refunds = [refundedAt, ...(fault === 'refunded-twice' ? [againAt] : [])].filter(when => ledger.booked(when))
  const refunded = truth.fault === 'refund-off' || fault === 'off' ? truth.units + 1n : truth.units

  if (left) ledger.custody(asset, -truth.units)
  if (leftAgain) ledger.custody(asset, -truth.units)
  for (const _ of debited) ledger.books(asset, -debit)
  for (const [at] of refunds.entries()) {
    ledger.books(asset, fault === 'refunded-twice' && at === (againAt < (refundedAt ?? Infinity) ? 0 : 1) ? truth.units : refunded)
  }

  const firstLeft = left && !(leftAgain && againAt < (endsAt ?? 0))
  if (left) ledger.fee(truth, debited.length > 0 && firstLeft ? ref : by === 'id' ? 'invoice' : ref)
  if (debited.length > 1) ledger.find('reference-used-twice', { reference: ref })
  if (refunds.length > 1) ledger.find('reference-used-twice', { reference: refund })

  const [since] = debited
  // The refund names the first booking: where another holds the reference, that one is not given back.
  const isFirst = since !== undefined && fault !== 'unbooked' && since === bookedAt
  const failed = ended && fails && !leftAgain
  const due = isFirst && failed
  if (refunds.length > 0 && !due) ledger.find('refund-not-due', { reference: refund, asset })
  if (refunds.length > 0 && due && fault === 'refund-off') ledger.find('amount-mismatch', { reference: refund, asset })

  if (since !== undefined) {
    if (listed && leftAgain) ledger.find('reference-used-twice', { reference: ref })
    if (left || leftAgain) {
      if (fault === 'off') ledger.find('amount-mismatch', { reference: ref, asset })
      return
    }
    if (due && refunds.length > 0) return
    ledger.onItsWay(failed ? 'refund-due' : 'withdrawal-in-flight', ref, asset, debit, since ?? 0)
    return
  }
  const gone = [
    ...(left ? [{ id: by === 'id' ? ref : `m-${name}`, at: endsAt ?? 0 }] : []),
    ...(leftAgain ? [{ id: `n-${name}`, at: againAt }] : []),
  ].sort((a, b) => a.at - b.at)
  const debitedLater = debits.some(when => ledger.bookedLater(when))
  for (const [at, { id, at: endedAt }] of gone.entries()) {
    if (!debitedLater) ledger.find('unknown-movement', { id, asset })
    else if (at === 0) ledger.onItsWay('withdrawal-ahead-of-books', ref, asset, -truth.units, endedAt)
    else ledger.find('reference-used-twice', { reference: ref })
  }
}

function judgeOther(truth: OtherTruth, ledger: Ledger): void {
  const { name, asset, units, type, way, endsAt, fails } = truth
  if (fails || !ledger.seen(endsAt)) return
  ledger.fee(truth, 'payout')
  if (type === 'TRANSFER') return
  const moved = type === 'SLASH' || (type === 'RIDDLE' && way === 'out') ? -units : units
  ledger.custody(asset, moved)
  if (type === 'RIDDLE') ledger.find('unknown-movement', { id: `m-${name}`, asset })
  else ledger.explain('classified', 'payout', asset, moved)
}
