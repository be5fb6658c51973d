import fc, { type Arbitrary } from 'fast-check'
import { addDecimals, canonicalDecimal, formatDecimal, negateDecimal, parseDecimal } from '../../epoch/decimal.ts'
import type { PlainRow } from '../../epoch/plain-row.ts'
import { arbitraryAccountName, arbitraryDecimal } from './arbitraries.ts'
import {
  type EngineStep,
  type ExchangeHistory,
  HISTORY_STREAMS,
  type HistoryFault,
  type HistoryStream,
  type SinkStep,
} from './exchange-history.ts'
import type { Fact } from './fact.ts'

/** How large histories get. */
export interface HistoryBounds {
  /** Events per stream at the most. */
  readonly events?: number
  /** Faults at the most: none unless given. */
  readonly faults?: number
  /** The longest pause between two steps of anybody. */
  readonly pauseMs?: number
}

const ASSETS = ['USD', 'BTC']

/**
 * Whole histories of a small exchange: facts on two streams, the engine's batches, crashes and replays, the sink's late, repeated and disordered deliveries, and, if asked
 * for, faults of the catalogue. Each account and asset is hit often, so that every disorder has something to disturb.
 */
export function arbitraryHistory({ events = 12, faults = 0, pauseMs = 30 }: HistoryBounds = {}): Arbitrary<ExchangeHistory> {
  const accounts = fc.uniqueArray(arbitraryAccountName(), { minLength: 1, maxLength: 4 })
  const pause = fc.nat(pauseMs)
  return accounts
    .chain(names =>
      fc.record({
        dropcopy: arbitraryFacts('dropcopy', names, events, 3),
        cash: arbitraryFacts('cash', names, Math.ceil(events / 2), 1),
        engine: fc.array(arbitraryEngineStep(pause), { maxLength: events }),
        pauses: fc.array(pause, { minLength: Math.ceil(events / 2), maxLength: Math.ceil(events / 2) }),
        sinkDropcopy: fc.array(arbitrarySinkStep(pause), { maxLength: events }),
        sinkCash: fc.array(arbitrarySinkStep(pause), { maxLength: events }),
      }),
    )
    .map(({ dropcopy, cash, engine, pauses, sinkDropcopy, sinkCash }) => ({
      facts: [...dropcopy.facts, ...cash.facts],
      ends: { dropcopy: dropcopy.end, cash: cash.end },
      engine,
      cash: pauses.slice(0, Number(cash.end)),
      sink: { dropcopy: sinkDropcopy, cash: sinkCash },
      faults: [],
    }))
    .chain(history => fc.record({ history: fc.constant(history), faults: arbitraryFaults(history, faults, pauseMs) }))
    .map(({ history, faults: planted }) => ({ ...history, faults: planted }))
}

function arbitraryFacts(
  stream: HistoryStream,
  accounts: readonly string[],
  events: number,
  factsPerEvent: number,
): Arbitrary<{ readonly facts: readonly Fact[]; readonly end: bigint }> {
  const row: Arbitrary<PlainRow> = fc.record({
    account_id: fc.constantFrom(...accounts),
    asset: fc.constantFrom(...ASSETS),
    balance: arbitraryDecimal({ digits: 30 }),
  })
  return fc
    .array(fc.array(row, { minLength: stream === 'cash' ? 1 : 0, maxLength: factsPerEvent }), { maxLength: events })
    .map(rowsPerEvent => ({
      facts: rowsPerEvent.flatMap((rows, at) =>
        rows.map((each, nth) => ({ stream, sequence: BigInt(at + 1), id: `${stream}-${at + 1}:${nth}`, row: each })),
      ),
      end: BigInt(rowsPerEvent.length),
    }))
}

function arbitraryEngineStep(pause: Arbitrary<number>): Arbitrary<EngineStep> {
  return fc.record({
    events: fc.integer({ min: 1, max: 4 }),
    pausesMs: fc.tuple(pause, pause, pause),
    crash: fc.oneof(
      { arbitrary: fc.constant('none' as const), weight: 4 },
      { arbitrary: fc.constantFrom('after-trades' as const, 'after-balances' as const), weight: 2 },
    ),
    downMs: pause,
  })
}

function arbitrarySinkStep(pause: Arbitrary<number>): Arbitrary<SinkStep> {
  return fc.record({
    events: fc.integer({ min: 1, max: 4 }),
    replay: fc.nat(3),
    pieces: fc.integer({ min: 1, max: 3 }),
    rotate: fc.nat(2),
    pauseMs: pause,
    watermarkPauseMs: pause,
    watermark: fc.boolean(),
    crashAfter: fc.oneof({ arbitrary: fc.constant(null), weight: 3 }, { arbitrary: fc.nat(2), weight: 1 }),
  })
}

function arbitraryFaults(history: ExchangeHistory, most: number, pauseMs: number): Arbitrary<readonly HistoryFault[]> {
  if (most === 0) return fc.constant([])
  const step = fc.nat(Math.max(0, history.engine.length))
  const phantom = fc.record({
    account_id: fc.constant('PHANTOM "X"\n'),
    asset: fc.constantFrom(...ASSETS),
    balance: arbitraryDecimal({ digits: 30 }),
  })
  const onStores: Arbitrary<HistoryFault>[] = [
    fc.record({
      name: fc.constantFrom('watermark-stuck' as const, 'watermarks-disagree' as const),
      stream: fc.constantFrom(...HISTORY_STREAMS),
      sequence: fc.bigInt({ min: 1n, max: 12n }),
    }),
    fc.record({ name: fc.constant('phantom-account' as const), step, row: phantom }),
    fc.record({ name: fc.constant('torn-batch' as const), step }),
    fc.record({ name: fc.constant('token-regressed' as const), step, events: fc.integer({ min: 1, max: 4 }) }),
  ]
  const onFacts = history.facts.length === 0 ? [] : factFaults(history, step, pauseMs)
  const targets = (fault: HistoryFault) => ('fact' in fault ? `fact ${fault.fact}` : fault.name)
  return fc.uniqueArray(fc.oneof(...onStores, ...onFacts), { maxLength: most, selector: targets })
}

function factFaults({ facts }: ExchangeHistory, step: Arbitrary<number>, pauseMs: number): Arbitrary<HistoryFault>[] {
  const fact = fc.nat(facts.length - 1)
  const rowOf = (at: number): PlainRow => facts[at]?.row ?? {}
  const amountOf = (at: number) => parseDecimal(String(rowOf(at)['balance']))
  const accounts = [...new Set(facts.map(({ row }) => row['account_id'] ?? null)), 'SOMEBODY ELSE']
  const otherAccount = (at: number) => accounts.find(account => account !== rowOf(at)['account_id']) ?? null
  const rewritten = (
    name: 'altered-amount-by-1e-18' | 'sign-flipped' | 'wrong-account' | 'wrong-asset' | 'duplicate-row-different-amount',
    change: (at: number) => PlainRow,
  ) => fact.map(at => ({ name, fact: at, row: { ...rowOf(at), ...change(at) } }))
  const more = (at: number, by: string) => ({ balance: formatDecimal(addDecimals(amountOf(at), parseDecimal(by))) })
  return [
    fc.record({
      name: fc.constantFrom(
        'lost-row' as const,
        'replayed-identical-row' as const,
        'stale-balance' as const,
        'double-applied-batch' as const,
      ),
      fact,
    }),
    fc.record({ name: fc.constantFrom('lost-row' as const, 'stale-balance' as const), fact }),
    rewritten('altered-amount-by-1e-18', at => more(at, '0.000000000000000001')),
    rewritten('sign-flipped', at => ({ balance: formatDecimal(negateDecimal(amountOf(at))) })),
    rewritten('wrong-account', at => ({ account_id: otherAccount(at) })),
    rewritten('wrong-asset', at => ({ asset: ASSETS.find(asset => asset !== rowOf(at)['asset']) ?? null })),
    rewritten('duplicate-row-different-amount', at => more(at, canonicalDecimal('1.5'))),
    fact.map(at => ({ name: 'rows-extra' as const, fact: at, id: `X-${at}` })),
    fc.record({ name: fc.constant('late-row-below-epoch' as const), fact, delayMs: fc.nat(pauseMs * 20) }),
    fact.chain(at => step.map(when => ({ name: 'missing-account' as const, step: when, row: rowOf(at) }))),
  ]
}
