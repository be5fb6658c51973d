import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { matchOmnibus, type OmnibusMatch } from '../../checks/omnibus/match.ts'
import { parameters } from '../../sim/testing/parameters.ts'
import { expectedAt } from './oracle.ts'
import { arbitraryTruths, END } from './truth.ts'
import { factsAt, TERMS } from './world.ts'

const cut = fc
  .array(fc.integer({ min: 0, max: END + 500 }), { minLength: 3, maxLength: 3 })
  .map(moments => moments.sort((a, b) => a - b))
  .map(([e = 0, t = 0, later = 0]) => ({ e, t, later }))

function units(text: string): bigint {
  const [whole = '', places = ''] = text.split('.')
  return BigInt(whole + places.padEnd(18, '0'))
}

/** What came of it, in the oracle's words. */
function said({ custody, explained, findings, gaps }: OmnibusMatch) {
  const residual: Record<string, bigint> = { BTC: 0n, USD: 0n }
  for (const { asset, custodian, books } of custody) residual[asset] = units(custodian) - units(books)
  return {
    residual,
    explained: explained
      .map(({ kind, reference, asset, amount, ageMs }) => `${kind} ${reference} ${asset} ${units(amount)} ${ageMs}`)
      .sort(),
    findings: findings.map(({ kind, key }) => `${kind} ${Object.values(key).join(' ')}`).sort(),
    gaps,
  }
}

describe('matching the custodian with the books', () => {
  it('explains every difference of a healthy history, whatever is on its way', () => {
    fc.assert(
      fc.property(arbitraryTruths({ faulty: false }), cut, (truths, moments) => {
        const result = said(matchOmnibus(factsAt(truths, moments), TERMS))
        expect(result).toEqual({ ...expectedAt(truths, moments), gaps: [] })
        expect(result.residual).toEqual({ BTC: 0n, USD: 0n })
        expect(result.findings.filter(finding => !finding.startsWith('stuck-transfer'))).toEqual([])
      }),
      parameters({ numRuns: 3_000 }),
    )
  })

  it('says of any history, with any faults, exactly what an oracle says that goes through it entry by entry', () => {
    fc.assert(
      fc.property(arbitraryTruths({ faulty: true }), cut, (truths, moments) => {
        expect(said(matchOmnibus(factsAt(truths, moments), TERMS))).toEqual({ ...expectedAt(truths, moments), gaps: [] })
      }),
      parameters({ numRuns: 10_000 }),
    )
  })
})
