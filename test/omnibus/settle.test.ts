import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { OmnibusFacts } from '../../checks/omnibus/facts.ts'
import { matchOmnibus, type OmnibusMatch } from '../../checks/omnibus/match.ts'
import { relatedSettled } from '../../checks/omnibus/related.ts'
import { nextSettled } from '../../checks/omnibus/settle.ts'
import { parameters } from '../../sim/testing/parameters.ts'
import type { SettledHead } from '../../stores/state/settled-record.ts'
import { memorySettled } from './memory-settled.ts'
import { arbitraryTruths, END } from './truth.ts'
import { factsAt, TERMS } from './world.ts'

const never = new AbortController().signal

/** The moments of successive runs, each E <= T <= later, and how much the run may settle. */
const runs = fc.array(
  fc.record({ e: fc.nat(END + 200), wait: fc.nat(100), after: fc.nat(50), settlesMax: fc.constantFrom(0, 1, 3, 100) }),
  { minLength: 1, maxLength: 6 },
)

/** What a run reads of the same world that knows what is settled: lists that end at the boundaries, transfers above the settled sequence. */
async function unsettledOf(all: OmnibusFacts, head: SettledHead, settled: ReturnType<typeof memorySettled>): Promise<OmnibusFacts> {
  const ended = new Set<string>()
  const listed = all.movements.filter(({ vault, id }) => {
    if (head.boundaries.some(boundary => boundary.vault === vault && boundary.id === id)) ended.add(vault)
    return !ended.has(vault)
  })
  const transfers = all.transfers.filter(({ sequence }) => sequence > head.sequence)
  const related = await relatedSettled(listed, transfers, keys => settled.find(head, keys, never))
  return { ...all, movements: listed, transfers, settled: { sums: head.sums, ...related } }
}

/** What a match says, with the cumulative amounts summed, since settled ones have no names any more. */
function said({ custody, explained, findings, gaps }: OmnibusMatch) {
  const cumulative = (kind: string) => kind === 'network-fee' || kind === 'classified'
  return {
    custody,
    gaps,
    findings: findings.map(finding => JSON.stringify(finding)).sort(),
    explained: explained
      .filter(({ kind }) => !cumulative(kind))
      .map(entry => JSON.stringify(entry))
      .sort(),
  }
}

function isBalanced({ custody, findings, gaps }: OmnibusMatch): boolean {
  return findings.length === 0 && gaps.length === 0 && custody.every(({ custodian, books }) => custodian === books)
}

async function settlingChangesNothing(
  truths: Parameters<typeof factsAt>[0],
  cuts: readonly (typeof runs extends fc.Arbitrary<infer T> ? T : never)[number][],
) {
  const settled = memorySettled()
  let t = 0
  for (const { e, wait, after, settlesMax } of [...cuts].sort((a, b) => a.e - b.e)) {
    // A run begins when the one before has settled, so its answer is never older.
    t = Math.max(t, e + wait)
    const all = factsAt(truths, { e, t, later: t + after })
    const head = await settled.head(never)
    const facts = await unsettledOf(all, head, settled)
    const match = matchOmnibus(facts, TERMS)
    expect(said(match)).toEqual(said(matchOmnibus(all, TERMS)))
    const advance = isBalanced(match) && settlesMax > 0 ? nextSettled(head, facts, match, TERMS, settlesMax) : undefined
    if (advance) expect(await settled.advance(head, advance, never)).toBe(true)
  }
  return settled
}

describe('settled history', () => {
  it('changes nothing of what a run finds in a healthy history, wherever it was settled', async () => {
    let settledMovements = 0
    await fc.assert(
      fc.asyncProperty(arbitraryTruths({ faulty: false, maxLength: 10 }), runs, async (truths, cuts) => {
        settledMovements += (await settlingChangesNothing(truths, cuts)).items.movements.length
      }),
      parameters({ numRuns: 1_000 }),
    )
    expect(settledMovements).toBeGreaterThan(0)
  })

  it('hides no fault that comes later, a settled reference that is used again among them', async () => {
    await fc.assert(
      fc.asyncProperty(
        arbitraryTruths({ faulty: false, maxLength: 8 }),
        arbitraryTruths({ faulty: true, maxLength: 3 }),
        runs,
        async (healthy, faulty, cuts) => {
          await settlingChangesNothing([...healthy, ...faulty.map(truth => ({ ...truth, name: `y${truth.name}` }))], cuts)
        },
      ),
      parameters({ numRuns: 3_000 }),
    )
  })

  it('leaves nothing to list and nothing to read once everything is final', async () => {
    await fc.assert(
      fc.asyncProperty(arbitraryTruths({ faulty: false, maxLength: 8 }), async truths => {
        const settledOnes = truths.filter(
          truth => truth.endsAt !== null && (truth.what !== 'withdrawal' || !truth.fails || truth.refundedAt !== null),
        )
        const final = settledOnes.filter(truth => truth.what !== 'deposit' || truth.bookedAt !== null)
        const terms = { ...TERMS, inFlightLimitMs: END * 2 }
        const settled = memorySettled()
        const all = factsAt(final, { e: END, t: END, later: END })
        const advance = nextSettled(await settled.head(never), all, matchOmnibus(all, terms), terms, 100)
        if (advance) await settled.advance(await settled.head(never), advance, never)
        const facts = await unsettledOf(all, await settled.head(never), settled)
        expect([facts.movements, facts.transfers]).toEqual([[], []])
      }),
      parameters({ numRuns: 500 }),
    )
  })
})
