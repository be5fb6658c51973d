import type { CanaryRow } from '../epoch/canary.ts'
import { type Epoch, formatEpoch } from '../epoch/epoch.ts'
import { type Completeness, type CountedRows, type Horizon, type HorizonGap, judgeCompleteness } from '../epoch/horizon.ts'
import type { AsOfLeg, LegContext, Lines } from '../epoch/leg.ts'
import { StoreError } from '../epoch/store-error.ts'
import { retrying } from './deadline.ts'
import type { Scope } from './scope.ts'

/** A reading whose answer has begun. */
export interface Reading {
  readonly lines: Lines
  /** What was counted; only after the lines have been read to their end. */
  counted(): CountedRows
  /** Settles when the first of the answer is there; never rejects, since whoever reads the lines gets the error. */
  readonly begun: Promise<unknown>
}

/**
 * Waits until an as-of leg is known to show everything up to the epoch. Throws `StoreError`: `horizon-timeout` naming table, stream, where it
 * stands and how far it must get; `watermark-conflict` where one sequence has two totals; and whatever the store says.
 */
export async function reachHorizon(leg: AsOfLeg, epoch: Epoch, deadlineMs: number, context: LegContext): Promise<Horizon> {
  const reply = await retrying(deadlineMs, context, () => leg.awaitHorizon(epoch, deadlineMs, context))
  switch (reply.kind) {
    case 'reached':
      return reply.horizon
    case 'behind':
      throw new StoreError(
        leg.store,
        'horizon-timeout',
        `${reply.gaps.map(describeGap).join('; ')}; look at the sink, or raise horizon.timeout`,
      )
    case 'conflict': {
      const { stream, sequence, rowsTotal } = reply.watermark
      const totals = `${rowsTotal.join(' and ')} rows`
      const where = `the watermarks of ${reply.table} for stream ${stream} at sequence ${sequence} disagree: ${totals}`
      throw new StoreError(leg.store, 'watermark-conflict', `${where}; the sink counts wrong, or two of them write`)
    }
    default:
      return reply satisfies never
  }
}

/** Starts to read a leg and fetches the first of its answer, so that the server is at work while the other leg still drains. It ends with the scope. */
export function startReading(leg: AsOfLeg, epoch: Epoch, horizon: Horizon, canary: CanaryRow, scope: Scope): Reading {
  const reading = leg.read(epoch, horizon, { ...scope, canary })
  const iterator = reading.lines[Symbol.asyncIterator]()
  const first = iterator.next()
  scope.defer(async () => iterator.return?.())
  return {
    lines: { [Symbol.asyncIterator]: () => resume(first, iterator) },
    counted: () => reading.counted(),
    begun: first.catch(() => undefined),
  }
}

/** Judges the counts of a reading, and puts what is wrong with them into words. */
export function judgeReading(
  leg: AsOfLeg,
  horizon: Horizon,
  counted: CountedRows,
): { readonly completeness: Completeness; readonly words: string } {
  const completeness = judgeCompleteness(horizon, counted)
  if (completeness.kind === 'complete') return { completeness, words: '' }
  const what = {
    short: `${leg.store} shows fewer rows of ${horizon.table} than its watermark vouches for`,
    extra: `${leg.store} shows more rows of ${horizon.table} than its watermark vouches for`,
    conflicting: `${leg.store} holds different facts under one content address in ${horizon.table}`,
    unsettled: `${leg.store} could not be read at one moment in ${horizon.table}`,
  }[completeness.kind]
  const counts = Object.entries(completeness.differences).map(([stream, count]) => `${stream} ${count > 0n ? '+' : ''}${count}`)
  return { completeness, words: `${what} at ${formatEpoch(horizon.at)} (${counts.join(', ')})` }
}

function resume(first: Promise<IteratorResult<Uint8Array>>, iterator: AsyncIterator<Uint8Array>): AsyncIterator<Uint8Array> {
  let begun = false
  return {
    next: () => {
      if (begun) return iterator.next()
      begun = true
      return first
    },
    return: async () => (await iterator.return?.()) ?? { done: true, value: undefined },
  }
}

function describeGap({ table, stream, standsAt, needed }: HorizonGap): string {
  return `the watermark of ${table} for stream ${stream} stands at ${standsAt} and must reach ${needed}`
}
