import { describe, expect, it } from 'vitest'
import { type CauseEvidence, judgeCause, type View } from '../checks/explain/cause.ts'
import type { FactDifference } from '../checks/explain/difference.ts'
import { surplusFact } from '../checks/explain/difference.ts'
import { placeDifferences, type Surroundings, whoKnows } from '../checks/explain/elsewhere.ts'
import type { LedgerFact } from '../epoch/fact.ts'

const says = (store: View['store'], part: string, balance: string | null): View => ({
  store,
  part,
  values: balance === null ? null : { balance },
})
const evidence = (state: string | null, log: string, history: string, change: Partial<CauseEvidence> = {}): CauseEvidence => ({
  state: says('postgres', 'balances', state),
  log: says('postgres', 'trades', log),
  histories: [says('clickhouse', 'transactions', history)],
  firstKnownTo: undefined,
  aggregating: true,
  unlogged: true,
  vouched: true,
  rowsUnaccounted: 0n,
  unbalancedEvents: 0,
  truncated: false,
  ...change,
})

describe('the store that is likely wrong', () => {
  it.each([
    ['the state row, where log and history agree', evidence('3', '2', '2'), 'postgres', 'state-differs'],
    ['the state row that is not there', evidence(null, '2', '2'), 'postgres', 'state-differs'],
    ['the history, where log and state agree', evidence('2', '2', '3', { firstKnownTo: 'both' }), 'clickhouse', 'history-differs'],
    ['the history, where it lacks the event', evidence('2', '2', '3', { firstKnownTo: 'log' }), 'clickhouse', 'event-not-written'],
    ['the log, where state and history agree', evidence('2', '3', '2'), 'postgres', 'log-differs'],
    [
      'the engine, where the history has a whole event that it lacks',
      evidence('2', '2', '3', { firstKnownTo: 'history' }),
      'postgres',
      'event-not-folded',
    ],
    ['the history, where it has parts of an event', evidence('2', '2', '3', { firstKnownTo: 'nobody' }), 'clickhouse', 'history-differs'],
    ['none, where all three differ', evidence('1', '2', '3', { firstKnownTo: 'both' }), null, 'undecided'],
    [
      'none, where the engine lacks an event and its own state differs from its log',
      evidence('1', '2', '3', { firstKnownTo: 'history' }),
      null,
      'undecided',
    ],
    [
      'the history, where its counts lack rows that no log confirms',
      evidence('3', '2', '2', { rowsUnaccounted: 1n }),
      'clickhouse',
      'unlogged-rows-missing',
    ],
    [
      'the history, where a funding does not sum to zero',
      evidence('3', '2', '2', { unbalancedEvents: 1 }),
      'clickhouse',
      'unlogged-event-unbalanced',
    ],
    ['none, where nothing vouches for what no log confirms', evidence('3', '2', '2', { vouched: false }), null, 'undecided'],
    [
      'the state row all the same, where every fact has a log',
      evidence('3', '2', '2', { vouched: false, unlogged: false }),
      'postgres',
      'state-differs',
    ],
    ['none, where not everything could be read', evidence('3', '2', '2', { truncated: true }), null, 'too-many-facts'],
  ] as const)('is %s', (_, given, store, code) => {
    const cause = judgeCause(given)
    expect(cause).toMatchObject({ store, code })
    expect(cause.why).not.toBe('')
  })

  it('is the one of two tables that stands against log and state, and both where neither agrees with them', () => {
    const both = (positions: string, transactions: string) =>
      evidence('2', '2', '', { histories: [says('clickhouse', 'positions', positions), says('clickhouse', 'transactions', transactions)] })
    expect(judgeCause(both('3', '2'))).toMatchObject({ part: 'positions', code: 'history-differs' })
    expect(judgeCause(both('2', '3'))).toMatchObject({ part: 'transactions', code: 'history-differs' })
    expect(judgeCause(both('3', '4'))).toMatchObject({ part: 'positions and transactions', code: 'history-differs' })
    expect(judgeCause(both('3', '3'))).toMatchObject({ store: null, code: 'undecided' })
  })

  it('takes zero and absent for the same only where values are sums', () => {
    const given = (aggregating: boolean) => judgeCause(evidence(null, '0', '0', { aggregating }))
    expect(given(false)).toMatchObject({ code: 'state-differs' })
    expect(given(true)).toMatchObject({ code: 'undecided' })
  })
})

describe('what stands beside a fact', () => {
  const fact = (change: Partial<LedgerFact> = {}): LedgerFact => ({
    stream: 'dropcopy',
    sequence: 5n,
    effect: 'fee',
    account: 'A',
    asset: 'USD',
    symbol: 'S',
    amount: { unscaled: -1n, scale: 0 },
    time: 'then',
    ids: { transaction_id: 'F' },
    ...change,
  })
  const around = (change: Partial<Surroundings>): Surroundings => ({ logged: [], history: [], namesakes: [], ...change })
  const kinds = (differences: readonly FactDifference[]) => differences.map(({ kind }) => kind)

  it('makes a duplicate of an extra fact whose content address another one has, at whatever sequence', () => {
    const extra = surplusFact(fact())
    const original = fact({ sequence: 3n })
    const [placed] = placeDifferences([extra], around({ namesakes: [fact(), original] }))
    expect(placed).toMatchObject({ kind: 'duplicated', twin: { sequence: 3n } })
    expect(kinds(placeDifferences([extra], around({ namesakes: [fact()] })))).toEqual(['extra'])
  })

  it('leaves the first of several that nobody knows an extra one', () => {
    const rows = [fact(), fact({ sequence: 7n })]
    expect(
      kinds(
        placeDifferences(
          rows.map(row => surplusFact(row)),
          around({ namesakes: rows }),
        ),
      ),
    ).toEqual(['extra', 'duplicated'])
  })

  it('tells an event that only the history has from parts of one', () => {
    const whole = [
      fact(),
      fact({ account: 'AX-FEES', amount: { unscaled: 1n, scale: 0 }, ids: { transaction_id: 'C' } }),
      fact({ effect: 'realized_pnl', amount: { unscaled: 9n, scale: 0 }, ids: { transaction_id: 'R' } }),
    ]
    const place = { stream: 'dropcopy', sequence: 5n }
    expect(whoKnows(place, around({ history: [...whole, ...whole] }))).toBe('history')
    for (const [at] of whole.entries()) {
      expect(whoKnows(place, around({ history: whole.filter((_, other) => other !== at) }))).toBe('nobody')
    }
    expect(whoKnows(place, around({ logged: [fact()], history: whole }))).toBe('both')
    expect(whoKnows(place, around({ logged: [fact()], history: [fact({ sequence: 6n })] }))).toBe('log')
  })
})
