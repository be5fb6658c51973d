import { type Transfer, transferAt } from '../exchange/cash-stream.ts'
import type { Dropcopy } from '../exchange/dropcopy.ts'
import { type DropcopyEvent, isExecution } from '../exchange/dropcopy-event.ts'
import { assets } from '../exchange/instruments.ts'
import { type Market, transfersDue } from '../exchange/market.ts'
import { type Fault, type FaultName, faultNamed } from './catalogue.ts'

/** A fault together with the event that it happens to: all that the processes need to know, so that each commits its part again after a restart. */
export interface PlannedFault {
  readonly name: FaultName
  /** The first dropcopy event that is concerned; for a deposit, the event with which it becomes due. */
  readonly event: bigint
  /** The transfer that is concerned, by its number; absent for faults of the dropcopy. */
  readonly transfer?: bigint
  /** For wrong-account: whom the row is given to. */
  readonly otherAccount?: string
  /** For wrong-asset. */
  readonly otherAsset?: string
}

// Every kind of event comes far more often than this.
const SEARCHED_EVENTS = 20_000n

/** Decides what a fault happens to: the first thing that suits it at or after `event`. */
export function planFault(market: Market, dropcopy: Dropcopy, name: FaultName, event: bigint): PlannedFault {
  const fault = faultNamed(name)
  if (fault.suits === 'deposit') {
    const number = firstDeposit(market, transfersDue(market, event) + 1n)
    return { name, event: firstEventDue(market, event, number), transfer: number }
  }
  for (let from = event; from < event + SEARCHED_EVENTS; from += 100n) {
    const found = dropcopy.between(from - 1n, from + 99n).find(candidate => suits(fault, candidate))
    if (found === undefined) continue
    const otherAsset = assets.find(asset => asset !== found.asset)
    const counterparty = name === 'wrong-account' ? counterpartyOf(dropcopy, found) : undefined
    return {
      name,
      event: found.sequence,
      ...(name === 'wrong-asset' && otherAsset !== undefined ? { otherAsset } : {}),
      ...(counterparty === undefined ? {} : { otherAccount: counterparty }),
    }
  }
  throw new Error(`nothing that suits ${name} (${fault.suits}) in ${SEARCHED_EVENTS} events from ${event}`)
}

function suits(fault: Fault, event: DropcopyEvent): boolean {
  switch (fault.suits) {
    case 'any event':
      return true
    case 'funding':
      return event.kind === 'funding'
    case 'fill with a fee':
      return event.kind === 'fill' && event.fee > 0n
    case 'bust':
      // The first side of two, so that the whole trade is concerned.
      return event.kind === 'bust' && event.fee > 0n && event.reverses === `E${event.tradeId.slice(1)}`
    case 'deposit':
      return false
    default:
      return fault satisfies never
  }
}

function counterpartyOf(dropcopy: Dropcopy, event: DropcopyEvent): string | undefined {
  if (!isExecution(event)) return undefined
  return dropcopy
    .between(event.sequence - 2n, event.sequence + 1n)
    .flatMap(side => (isExecution(side) && side.tradeId === event.tradeId && side.sequence !== event.sequence ? [side.accountId] : []))[0]
}

function firstDeposit(market: Market, from: bigint): bigint {
  let number = from
  let transfer: Transfer = transferAt(market, number)
  while (transfer.direction !== 'deposit') {
    number += 1n
    transfer = transferAt(market, number)
  }
  return number
}

function firstEventDue(market: Market, from: bigint, transfer: bigint): bigint {
  let event = from
  while (transfersDue(market, event) < transfer) event += 1n
  return event
}
