import { formatDecimal, isZeroDecimal, negateDecimal, parseDecimal } from '../../epoch/decimal.ts'
import type { CustodianMovement } from '../../stores/custodian/custodian.ts'
import { ageMs, stuckIfOld } from './age.ts'
import type { Explained } from './explained.ts'
import type { OmnibusFacts, OmnibusTerms } from './facts.ts'
import type { Finding } from './finding.ts'
import { directionOf, endedAtMs } from './movements.ts'
import { fits, type Pairing, referencesOf, usedTwice } from './pairing.ts'
import type { Transfer } from './transfer.ts'

/** What the custodian's movements explain of the difference, and what is wrong with them. */
export interface MovementMatch {
  readonly explained: readonly Explained[]
  readonly findings: readonly Finding[]
  /** Withdrawals that have left the custodian and that no transfer known so far has debited. */
  readonly unbooked: readonly CustodianMovement[]
}

/** Judges every movement that has moved money by T and is not settled: its fee, its type, and whether the books have it by E. */
export function matchMovements(
  { atMs, movements, laterTransfers }: OmnibusFacts,
  pairing: Pairing,
  { classification, inFlightLimitMs }: OmnibusTerms,
): MovementMatch {
  const listed = new Set(movements.filter(({ state }) => state === 'success'))
  const explained: Explained[] = []
  const findings: Finding[] = []
  const unbooked: CustodianMovement[] = []
  const entryOf = (movement: CustodianMovement, kind: Explained['kind'], asset: string, amount: string, way: 'in' | 'out'): Explained => ({
    reference: pairing.transferOf.get(movement)?.reference ?? nameOf(movement),
    kind,
    asset,
    amount: signed(amount, way),
    // What has come to its end waits for nothing.
    ageMs: kind === 'network-fee' || kind === 'classified' ? 0 : ageMs(endedAtMs(movement) ?? atMs, atMs),
  })
  for (const movement of listed) {
    const { asset, amount, fee, feeAsset, kind } = movement
    if (!isZeroDecimal(parseDecimal(fee))) explained.push(entryOf(movement, 'network-fee', feeAsset, fee, 'out'))
    if (kind !== 'other') continue
    const way = directionOf(movement, classification)
    if (way === 'none') findings.push(unknownMovement(movement, 'no one has classified its type; see custodian.classify'))
    else explained.push(entryOf(movement, 'classified', asset, amount, way))
  }
  const taken = new Set<Transfer>()
  for (const movement of pairing.unclaimed.filter(candidate => listed.has(candidate))) {
    const { asset, amount } = movement
    if (movement.kind === 'deposit') {
      const entry = entryOf(movement, 'deposit-in-flight', asset, amount, 'in')
      explained.push(entry)
      findings.push(...stuckIfOld(entry, inFlightLimitMs, { movement_id: movement.id }))
      continue
    }
    const names = referencesOf(movement)
    const later = laterTransfers.find(transfer => names.includes(transfer.reference) && fits(movement, transfer))
    if (later && !taken.has(later)) {
      taken.add(later)
      const entry = { ...entryOf(movement, 'withdrawal-ahead-of-books', asset, amount, 'out'), reference: later.reference }
      explained.push(entry)
      findings.push(...stuckIfOld(entry, inFlightLimitMs, { movement_id: movement.id, transfer_id: later.transferId }))
    } else if (later) {
      findings.push(usedTwice(later.reference, 'movements', names))
    } else {
      unbooked.push(movement)
      findings.push(unknownMovement(movement, 'no withdrawal of the books carries its id or its description'))
    }
  }
  return { explained, findings, unbooked }
}

/** What a movement is called that no transfer names: by its description, which is where references are written, else by its id. */
function nameOf({ id, description }: CustodianMovement): string {
  return description === '' ? id : description
}

function unknownMovement({ id, asset, amount, type, vault, status, description, endedAt }: CustodianMovement, why: string): Finding {
  return {
    kind: 'unknown-movement',
    key: { movement_id: id, asset },
    detail: { type, amount, vault, status, description, ended_at: endedAt ?? '', why },
  }
}

function signed(amount: string, way: 'in' | 'out'): string {
  const decimal = parseDecimal(amount)
  return formatDecimal(way === 'in' ? decimal : negateDecimal(decimal))
}
