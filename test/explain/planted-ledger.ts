import fc from 'fast-check'
import type { LedgerFact } from '../../epoch/fact.ts'

/** What a test has planted in one balance's history, and what an explanation must therefore name: kind, place, effect, and both amounts in units of 10^-18. */
export interface PlantedLedger {
  readonly logged: readonly LedgerFact[]
  readonly history: readonly LedgerFact[]
  readonly expected: readonly ExpectedDifference[]
  /** Sums in units of 10^-18: of the logs with what they do not log, and of the distinct rows. */
  readonly log: bigint
  readonly sum: bigint
  readonly repeated: bigint
}

/** One difference to be named. */
export interface ExpectedDifference {
  readonly kind: 'missing' | 'extra' | 'altered' | 'duplicated'
  readonly stream: string
  readonly sequence: bigint
  readonly effect: string
  readonly postgres: bigint | null
  readonly clickhouse: bigint | null
}

const FATES = ['sound', 'sound', 'sound', 'sound', 'repeated', 'missing', 'altered', 'conflicting', 'twice', 'extra'] as const

interface Told {
  readonly stream: 'cash' | 'dropcopy'
  readonly gap: bigint
  readonly effects: readonly { readonly amount: bigint; readonly fate: (typeof FATES)[number]; readonly other: bigint }[]
  readonly unlogged: bigint | null
}

/** Any amount, zero and equal ones often. */
const amount = fc.oneof(fc.constantFrom(0n, 1n, -1n, 5n), fc.bigInt({ min: -(10n ** 24n), max: 10n ** 24n }))
const effect = fc.record({ amount, fate: fc.constantFrom(...FATES), other: fc.bigInt({ min: 1n, max: 10n ** 24n }) })
const told: fc.Arbitrary<Told> = fc.record({
  stream: fc.constantFrom('cash' as const, 'dropcopy' as const),
  gap: fc.bigInt({ min: 1n, max: 3n }),
  effects: fc.array(effect, { minLength: 1, maxLength: 2 }),
  unlogged: fc.option(amount, { freq: 5, nil: null }),
})

/** Histories of one balance with any number of faults in them, at most one for each fact. */
export const plantedLedger: fc.Arbitrary<PlantedLedger> = fc.array(told, { maxLength: 40 }).map(plant)

/** A fact of the balance; `id` is the content address of a row of ClickHouse. */
function fact(stream: string, sequence: bigint, effectName: string, units: bigint, ids: LedgerFact['ids']): LedgerFact {
  const amountOf = { unscaled: units, scale: 18 }
  return { stream, sequence, effect: effectName, account: 'A', asset: 'USD', symbol: 'S', amount: amountOf, time: `at ${sequence}`, ids }
}

function plant(events: readonly Told[]): PlantedLedger {
  const logged: LedgerFact[] = []
  const history: LedgerFact[] = []
  const expected: ExpectedDifference[] = []
  let [log, sum, repeated] = [0n, 0n, 0n]
  for (const stream of ['cash', 'dropcopy'] as const) {
    let sequence = 0n
    for (const { gap, effects, unlogged } of events.filter(event => event.stream === stream)) {
      sequence += gap
      for (const [at, { amount: units, fate, other }] of effects.entries()) {
        const name = (stream === 'cash' ? ['deposit', 'withdrawal'] : ['fee', 'realized_pnl'])[at] ?? ''
        const row = (value: bigint, id = `${stream}:${sequence}:${name}`) => fact(stream, sequence, name, value, { transaction_id: id })
        const rows: LedgerFact[] = {
          sound: [row(units)],
          repeated: [row(units), row(units)],
          missing: [],
          altered: [row(units + other)],
          conflicting: [row(units), row(units + other)],
          twice: [row(units), row(units, `copy of ${stream}:${sequence}:${name}`)],
          extra: [row(units)],
        }[fate]
        if (fate !== 'extra') {
          logged.push(fact(stream, sequence, name, units, { execution_id: `${sequence}` }))
          log += units
        }
        history.push(...rows)
        sum += rows.reduce((total, each) => total + each.amount.unscaled, 0n) - (fate === 'repeated' ? units : 0n)
        if (fate === 'repeated') repeated += 1n
        const difference = (kind: ExpectedDifference['kind'], postgres: bigint | null, clickhouse: bigint | null) =>
          expected.push({ kind, stream, sequence, effect: name, postgres, clickhouse })
        if (fate === 'missing') difference('missing', units, null)
        if (fate === 'extra') difference('extra', null, units)
        if (fate === 'altered') difference('altered', units, units + other)
        if (fate === 'conflicting') difference('duplicated', null, units + other)
        if (fate === 'twice') difference('duplicated', null, units)
      }
      if (unlogged !== null) {
        history.push(fact(stream, sequence, 'funding', unlogged, { transaction_id: `${stream}:${sequence}:funding` }))
        log += unlogged
        sum += unlogged
      }
    }
  }
  return { logged, history, expected, log, sum, repeated }
}
