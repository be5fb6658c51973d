import { formatDecimal } from '../../epoch/decimal.ts'
import type { LedgerFact } from '../../epoch/fact.ts'
import type { JsonEpoch } from '../run.ts'
import type { FactDifference } from './difference.ts'
import type { FactEntry, JsonPlace, Parting, RowEntry, SuspectEntry } from './explanation.ts'
import { comparePlaces } from './pair-by-sequence.ts'
import type { Place } from './ports.ts'
import type { SuspectRun } from './suspect-runs.ts'

/** Writes a difference for a document. */
export function factEntry(difference: FactDifference): FactEntry {
  const { kind, table, stream, sequence, time, effect, account, asset, symbol, postgres, clickhouse, ids, elsewhere, twin } = difference
  return {
    kind,
    table,
    stream,
    sequence: sequence.toString(),
    time,
    effect,
    account_id: account,
    asset,
    symbol,
    postgres,
    clickhouse,
    difference: difference.difference,
    ids,
    ...(elsewhere ? { elsewhere: { account_id: elsewhere.account, asset: elsewhere.asset } } : {}),
    ...(twin ? { twin: { stream: twin.stream, sequence: twin.sequence.toString(), ids: twin.ids } } : {}),
  }
}

/** Writes a transaction or a transfer for a document. */
export function rowEntry({ stream, sequence, time, effect, account, asset, symbol, amount, ids }: LedgerFact): RowEntry {
  const amounts = { amount: formatDecimal(amount) }
  return { stream, sequence: sequence.toString(), time, effect, account_id: account, asset, symbol, amounts, ids }
}

/** Writes a suspected run for a document, at most `limit` of its facts. */
export function suspectEntry({ as, facts }: SuspectRun, limit: number): SuspectEntry {
  return { as, length: facts.length.toString(), rows: facts.slice(0, limit).map(rowEntry) }
}

/** Writes numbers of things as text. */
export function countTexts<Name extends string>(counts: Readonly<Record<Name, bigint>>): Readonly<Record<Name, string>>
export function countTexts(counts: Readonly<Record<string, bigint>>): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(counts).map(([name, count]) => [name, count.toString()]))
}

/** The first epoch at which two sides parted: the least sequence of each stream among places, and the earliest of the places; null where there is none. */
export function partingOf(places: readonly JsonPlace[]): Parting | null {
  const [first] = [...places].sort((a, b) => compareMoments(placeOf(a), placeOf(b)))
  if (!first) return null
  const { stream, sequence, time } = first
  return { first: { stream, sequence, time }, epoch: leastOf(places.map(place => ({ [place.stream]: place.sequence }))) }
}

/** The first of several partings. */
export function firstParting(partings: readonly (Parting | null)[]): Parting | null {
  const known = partings.filter(parting => parting !== null)
  const earliest = partingOf(known.map(({ first }) => first))
  return earliest && { first: earliest.first, epoch: leastOf(known.map(({ epoch }) => epoch)) }
}

/** Orders by time; what happened at one time by stream and sequence. */
export function compareMoments(a: Place & { readonly time: string }, b: Place & { readonly time: string }): number {
  return a.time < b.time ? -1 : a.time > b.time ? 1 : comparePlaces(a, b)
}

function leastOf(epochs: readonly JsonEpoch[]): JsonEpoch {
  const least = new Map<string, string>()
  for (const [stream, sequence] of epochs.flatMap(Object.entries<string>)) {
    const sofar = least.get(stream)
    if (sofar === undefined || BigInt(sequence) < BigInt(sofar)) least.set(stream, sequence)
  }
  return Object.fromEntries([...least].sort(([a], [b]) => (a < b ? -1 : 1)))
}

function placeOf({ stream, sequence, time }: JsonPlace) {
  return { stream, sequence: BigInt(sequence), time }
}
