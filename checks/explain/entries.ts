import { formatDecimal } from '../../epoch/decimal.ts'
import type { LedgerFact } from '../../epoch/fact.ts'
import type { JsonEpoch } from '../run.ts'
import type { FactDifference } from './difference.ts'
import type { Explanation, FactEntry, JsonPlace, RowEntry, SuspectEntry } from './explanation.ts'
import { comparePlaces } from './pair-by-sequence.ts'
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

/** The place of the earliest of some facts; of those at one time the first in stream and sequence. */
export function earliest(places: readonly JsonPlace[]): JsonPlace | null {
  const order = (a: JsonPlace, b: JsonPlace) => (a.time < b.time ? -1 : a.time > b.time ? 1 : comparePlaces(placeOf(a), placeOf(b)))
  const [first] = [...places].sort(order)
  return first ? { stream: first.stream, sequence: first.sequence, time: first.time } : null
}

/** The first epoch at which two sides parted: the least sequence of each stream among places, and the earliest place. */
export function partingOf(places: readonly JsonPlace[]): Explanation['parted'] {
  const first = earliest(places)
  if (!first) return null
  const epoch: Record<string, string> = {}
  for (const { stream, sequence } of places) {
    const least = epoch[stream]
    if (least === undefined || BigInt(sequence) < BigInt(least)) epoch[stream] = sequence
  }
  const ordered: JsonEpoch = Object.fromEntries(Object.entries(epoch).sort(([a], [b]) => (a < b ? -1 : 1)))
  return { first, epoch: ordered }
}

function placeOf({ stream, sequence }: JsonPlace) {
  return { stream, sequence: BigInt(sequence) }
}
