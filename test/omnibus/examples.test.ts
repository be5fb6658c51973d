import { describe, expect, it } from 'vitest'
import { asOfBalance } from '../../checks/omnibus/as-of-balance.ts'
import { boundExplained } from '../../checks/omnibus/bounded.ts'
import { gapsOf } from '../../checks/omnibus/consistency.ts'
import { custodianDigest } from '../../checks/omnibus/custody-source.ts'
import type { Explained } from '../../checks/omnibus/explained.ts'
import type { OmnibusFacts } from '../../checks/omnibus/facts.ts'
import { judgeOmnibus } from '../../checks/omnibus/judge-omnibus.ts'
import { matchOmnibus } from '../../checks/omnibus/match.ts'
import type { Transfer } from '../../checks/omnibus/transfer.ts'
import type { Outcome } from '../../epoch/verdict.ts'
import type { CustodianMovement } from '../../stores/custodian/custodian.ts'
import { NOTHING_SETTLED } from '../../stores/state/settled-record.ts'

const TERMS = { opening: {}, classification: {}, inFlightLimitMs: 1_000 }
const nothing = { sums: NOTHING_SETTLED, movements: [], transfers: [] }

function movement(fields: Partial<CustodianMovement>): CustodianMovement {
  return {
    id: 'm',
    vault: 'v',
    kind: 'deposit',
    type: 'DEPOSIT',
    state: 'success',
    status: 'SUCCESS',
    asset: 'USD',
    amount: '10',
    fee: '0',
    feeAsset: 'USD',
    description: '',
    endedAt: fields.state === undefined || fields.state === 'success' ? '2026-01-01T00:00:00.000Z' : null,
    ...fields,
  }
}

function transfer(fields: Partial<Transfer>): Transfer {
  return { transferId: 't', sequence: 1n, asset: 'USD', direction: 'deposit', amount: '10', reference: 'm', createdAtMs: 0, ...fields }
}

function facts(fields: Partial<OmnibusFacts>): OmnibusFacts {
  return { atMs: 0, balances: [], movements: [], books: [], transfers: [], laterTransfers: [], settled: nothing, ...fields }
}

function findings(movements: readonly CustodianMovement[], transfers: readonly Transfer[]) {
  return matchOmnibus(facts({ movements, transfers }), TERMS).findings.map(({ kind, key, detail }) => ({ kind, key, detail }))
}

describe('references', () => {
  it('belong to one transfer, also where one names the movement by its id and the other by its description', () => {
    const found = findings(
      [movement({ id: 'm', description: 'd' })],
      [transfer({ transferId: 'a', reference: 'm' }), transfer({ transferId: 'b', reference: 'd', sequence: 2n })],
    )
    expect(found).toEqual([{ kind: 'reference-used-twice', key: { reference: 'd' }, detail: { transfers: 'a, b' } }])
  })

  it('belong to one movement, also where it is the id of one and the description of another', () => {
    const found = findings(
      [movement({ id: 'm' }), movement({ id: 'n', description: 'm', endedAt: '2026-01-02T00:00:00.000Z' })],
      [transfer({})],
    )
    expect(found).toEqual([{ kind: 'reference-used-twice', key: { reference: 'm' }, detail: { movements: 'm, n' } }])
  })

  it('are no references where a description is not what any transfer says', () => {
    const listed = [movement({ id: 'm', description: 'invoice' }), movement({ id: 'n', description: 'invoice' })]
    expect(findings(listed, [transfer({}), transfer({ transferId: 'u', reference: 'n', sequence: 2n })])).toEqual([])
  })

  it('of a withdrawal that failed and was sent again belong to the one that is still on its way', () => {
    const sent = { kind: 'withdrawal', description: 'w' } as const
    const listed = [movement({ ...sent, id: 'a', state: 'failed' }), movement({ ...sent, id: 'b', state: 'pending' })]
    const { explained } = matchOmnibus(
      facts({ movements: listed, transfers: [transfer({ direction: 'withdrawal', reference: 'w' })] }),
      TERMS,
    )
    expect(explained.map(({ kind }) => kind)).toEqual(['withdrawal-in-flight'])
  })
})

describe('a refund', () => {
  const failed = movement({ id: 'w', kind: 'withdrawal', state: 'failed', status: 'FAILURE' })
  const withdrawal = transfer({ transferId: 'out', direction: 'withdrawal', reference: 'w' })

  it('in another asset closes nothing', () => {
    const refund = transfer({ transferId: 'back', sequence: 2n, reference: 'refund:out', asset: 'BTC' })
    const { explained, findings: found } = matchOmnibus(facts({ movements: [failed], transfers: [withdrawal, refund] }), TERMS)
    expect(explained.map(({ kind }) => kind)).toEqual(['refund-due'])
    expect(found.map(({ kind }) => kind)).toEqual(['asset-mismatch'])
  })

  it('that the custodian has as a deposit of its own is a deposit', () => {
    const refund = transfer({ transferId: 'back', sequence: 2n, reference: 'refund:out' })
    const sent = movement({ id: 'w', kind: 'withdrawal' })
    expect(findings([sent, movement({ id: 'r', description: 'refund:out' })], [withdrawal, refund])).toEqual([])
  })

  it('of a withdrawal that nobody has booked is not due', () => {
    expect(findings([], [transfer({ transferId: 'back', reference: 'refund:out' })])).toMatchObject([
      { kind: 'refund-not-due', detail: { status: 'no such withdrawal in the books' } },
    ])
  })
})

describe('the answer of the custodian', () => {
  const at = (second: number) => `2026-01-01T00:00:0${second}.000Z`
  const first = movement({ id: 'a', amount: '10', endedAt: at(1) })
  const second = movement({ id: 'b', amount: '4', kind: 'withdrawal', endedAt: at(2) })
  const third = movement({ id: 'c', amount: '1', endedAt: at(3) })
  const held = (total: string) => [{ vault: 'v', asset: 'USD', total }]
  const stood = (total: string, before: readonly string[]) =>
    asOfBalance(held(total), [third, second, first], new Set(before), NOTHING_SETTLED, TERMS)?.map(({ state }) => state)

  it('is taken as of its balances, where movements have ended since', () => {
    expect(stood('6', ['a'])).toEqual(['pending', 'success', 'success'])
    expect(stood('10', ['a'])).toEqual(['pending', 'pending', 'success'])
  })

  it('is not mended by taking back what had moved before, nor out of order', () => {
    expect(stood('0', ['a'])).toBeUndefined()
    expect(stood('11', ['a'])).toBeUndefined()
  })

  it('may hold movements whose direction only the balance tells', () => {
    const riddles = [
      movement({ id: 'x', kind: 'other', type: 'RIDDLE', amount: '3' }),
      movement({ id: 'y', kind: 'other', type: 'RIDDLE', amount: '5' }),
    ]
    const gaps = (total: string) => gapsOf({ balances: held(total), movements: riddles, settled: nothing }, TERMS)
    for (const total of ['8', '2', '-2', '-8', '5', '0']) expect(gaps(total)).toEqual([])
    expect(gaps('7')).toEqual([{ asset: 'USD', amount: '7' }])
  })
})

describe('the verdict', () => {
  const balanced: Outcome = { verdict: 'balanced', reasonCode: 'balanced', reason: 'all 1 keys agree' }
  const differing: Outcome = { verdict: 'diff', reasonCode: 'value-mismatch', reason: '1 of 1 keys differ' }
  const short: Outcome = { verdict: 'diff', reasonCode: 'rows-missing', reason: 'short' }
  const unreached: Outcome = { verdict: 'inconclusive', reasonCode: 'horizon-timeout', reason: 'late' }
  const of = (...kinds: readonly Parameters<typeof judgeOmnibus>[1][number]['kind'][]) => kinds.map(kind => ({ kind, key: {}, detail: {} }))

  it.each([
    [unreached, of('unknown-movement'), 'horizon-timeout'],
    [short, of('unknown-movement'), 'rows-missing'],
    [differing, of('custodian-gap', 'unknown-movement'), 'unknown-movement'],
    [differing, of('custodian-gap'), 'custodian-inconsistent'],
    [balanced, of('stuck-transfer', 'amount-mismatch'), 'value-mismatch'],
    [differing, of('stuck-transfer'), 'value-mismatch'],
    [balanced, of('stuck-transfer'), 'stuck-transfer'],
    [balanced, of(), 'balanced'],
  ])('of %j with %j is %s', (compared, found, reasonCode) => {
    expect(judgeOmnibus(compared, found).reasonCode).toBe(reasonCode)
  })
})

it('lists so many explanations and sums the others, so that all come to the same', () => {
  const entry = (reference: string, amount: string, ageMs: number): Explained => ({
    reference,
    kind: 'network-fee',
    asset: 'USD',
    amount,
    ageMs,
  })
  expect(boundExplained([entry('a', '-1', 0), entry('b', '-2', 0), entry('c', '-4', 5)], 1)).toEqual([
    entry('c', '-4', 5),
    entry('2 more', '-3', 0),
  ])
})

it('remembers a custodian under where it is and the terms that its sums depend on, whatever the order they are written in', () => {
  const terms = { opening: { USD: '1', BTC: '2' }, classification: {}, inFlightLimitMs: 1 }
  const digest = custodianDigest('https://custodian.example/api', ['a', 'b'], terms)
  expect(
    custodianDigest('https://custodian.example/api', ['b', 'a'], { ...terms, opening: { BTC: '2', USD: '1' }, inFlightLimitMs: 9 }),
  ).toBe(digest)
  expect(custodianDigest('https://custodian.example/other', ['a', 'b'], terms)).not.toBe(digest)
  expect(custodianDigest('https://custodian.example/api', ['a'], terms)).not.toBe(digest)
  expect(custodianDigest('https://custodian.example/api', ['a', 'b'], { ...terms, opening: { USD: '1' } })).not.toBe(digest)
  expect(custodianDigest('https://custodian.example/api', ['a', 'b'], { ...terms, classification: { X: 'in' } })).not.toBe(digest)
})
