import { type Transfer, transferAt } from '../exchange/cash-stream.ts'
import type { Dropcopy } from '../exchange/dropcopy.ts'
import { type AllocationEvent, type DropcopyEvent, type ExecutionEvent, isExecution } from '../exchange/dropcopy-event.ts'
import { keyOf } from '../exchange/engine-batch.ts'
import { assets } from '../exchange/instruments.ts'
import { type Market, transfersDue } from '../exchange/market.ts'
import { type Fault, type FaultName, faultNamed } from './catalogue.ts'
import { type FoldView, openFoldView } from './fold-view.ts'
import { planMarkFault } from './mark-faults.ts'

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
  /** For wrong-symbol: one that the account traded before. */
  readonly otherSymbol?: string
  /** For missing-position: whose row vanishes. For faults of marks: whose mark is wrong, or of which account or symbol. */
  readonly position?: { readonly accountId: string; readonly symbol: string }
}

// Every kind of event comes far more often than this.
const SEARCHED_EVENTS = 20_000n
const TRADED_EVENTS = 2_000n
const SLICE = 1_000n

/**
 * Decides what a fault happens to: the first thing that suits it at or after `event`. `last` is the last event that there will be; without it nobody knows
 * which fill of a position is its last.
 */
export function planFault(market: Market, dropcopy: Dropcopy, name: FaultName, event: bigint, last?: bigint): PlannedFault {
  const fault = faultNamed(name)
  if (fault.suits === 'deposit') {
    const number = firstDeposit(market, transfersDue(market, event) + 1n)
    return { name, event: firstEventDue(market, event, number), transfer: number }
  }
  if (fault.suits === 'mark cycle') return planMarkFault(market, dropcopy, name, event)
  const known: Known = {
    traded: tradedBefore(dropcopy, event),
    folded: fault.suits === 'closing fill' ? foldedBefore(dropcopy, event) : undefined,
    lastOf: fault.suits === 'last fill' || fault.suits === 'earlier fill' ? lastExecutions(dropcopy, event, last) : undefined,
  }
  for (let from = event; from < event + SEARCHED_EVENTS; from += 100n) {
    for (const candidate of dropcopy.between(from - 1n, from + 99n)) {
      if (suits(fault, candidate, known)) return concerning(dropcopy, name, candidate, known)
      if (isExecution(candidate)) known.traded.add(balanceOf(candidate.accountId, candidate.asset))
    }
  }
  throw new Error(`nothing that suits ${name} (${fault.suits}) in ${SEARCHED_EVENTS} events from ${event}`)
}

/** What the choice may depend on beside the event itself. */
interface Known {
  readonly traded: Set<string>
  /** The positions as of the candidate before, for whom what a fill realizes is of interest. */
  readonly folded: FoldView | undefined
  /** The last execution of each position, by `keyOf`; undefined where it is not of interest, or there is no end. */
  readonly lastOf: ReadonlyMap<string, bigint> | undefined
}

function concerning(dropcopy: Dropcopy, name: FaultName, event: DropcopyEvent, { folded }: Known): PlannedFault {
  const otherAsset = assets.find(asset => asset !== event.asset)
  const counterparty = name === 'wrong-account' ? counterpartyOf(dropcopy, event) : undefined
  const otherSymbol = name === 'wrong-symbol' && folded && isExecution(event) ? otherSymbolOf(folded, event) : undefined
  return {
    name,
    event: event.sequence,
    ...(name === 'wrong-asset' && otherAsset !== undefined ? { otherAsset } : {}),
    ...(counterparty === undefined ? {} : { otherAccount: counterparty }),
    ...(otherSymbol === undefined ? {} : { otherSymbol }),
    ...(name === 'missing-position' && isExecution(event) ? { position: { accountId: event.accountId, symbol: event.symbol } } : {}),
  }
}

/** The balances that executions shortly before an event have changed, and which therefore have rows. */
function tradedBefore(dropcopy: Dropcopy, event: bigint): Set<string> {
  const from = event > TRADED_EVENTS ? event - TRADED_EVENTS : 0n
  return new Set(
    dropcopy
      .between(from, event - 1n)
      .filter(isExecution)
      .map(({ accountId, asset }) => balanceOf(accountId, asset)),
  )
}

function foldedBefore(dropcopy: Dropcopy, event: bigint): FoldView {
  const folded = openFoldView()
  for (const execution of executions(dropcopy, 0n, event - 1n)) folded.fold(execution)
  return folded
}

function lastExecutions(dropcopy: Dropcopy, from: bigint, last: bigint | undefined): ReadonlyMap<string, bigint> | undefined {
  if (last === undefined) return undefined
  const lastOf = new Map<string, bigint>()
  for (const { accountId, symbol, sequence } of executions(dropcopy, from - 1n, last)) lastOf.set(keyOf(accountId, symbol), sequence)
  return lastOf
}

/** The executions with `after < sequence <= through`, a slice of them in memory at a time. */
export function* executions(dropcopy: Dropcopy, after: bigint, through: bigint): Generator<ExecutionEvent> {
  for (let from = after; from < through; from += SLICE)
    yield* dropcopy.between(from, from + SLICE < through ? from + SLICE : through).filter(isExecution)
}

function balanceOf(accountId: string, asset: string): string {
  return JSON.stringify([accountId, asset])
}

function suits(fault: Fault, event: DropcopyEvent, { traded, folded, lastOf }: Known): boolean {
  switch (fault.suits) {
    case 'any event':
      return true
    case 'funding':
      // A balance goes stale only where there is one already.
      return event.kind === 'funding' && (fault.name !== 'stale-balance' || hasRow(event, traded))
    case 'fill with a fee':
      return event.kind === 'fill' && event.fee > 0n
    case 'closing fill': {
      if (!folded || !isExecution(event)) return false
      const hasOther = fault.name !== 'wrong-symbol' || otherSymbolOf(folded, event) !== undefined
      return folded.fold(event).realized !== 0n && event.kind === 'fill' && hasOther
    }
    case 'last fill':
      return event.kind === 'fill' && (!lastOf || lastOf.get(keyOf(event.accountId, event.symbol)) === event.sequence)
    case 'earlier fill':
      return event.kind === 'fill' && (!lastOf || (lastOf.get(keyOf(event.accountId, event.symbol)) ?? 0n) > event.sequence)
    case 'bust':
      // The first side of two, so that the whole trade is concerned.
      return event.kind === 'bust' && event.fee > 0n && event.reverses === `E${event.tradeId.slice(1)}`
    case 'deposit':
    case 'mark cycle':
      return false
    default:
      return fault satisfies never
  }
}

function hasRow(event: AllocationEvent, traded: ReadonlySet<string>): boolean {
  return traded.has(balanceOf(event.legs[0]?.accountId ?? '', event.asset))
}

function otherSymbolOf({ positions }: FoldView, event: ExecutionEvent): string | undefined {
  for (const { accountId, symbol } of positions.values()) if (accountId === event.accountId && symbol !== event.symbol) return symbol
  return undefined
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
