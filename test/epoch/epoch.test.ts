import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { regressedStreams, tornStreams } from '../../epoch/cut.ts'
import {
  type Epoch,
  epochFromJson,
  epochToJson,
  isAtOrBelow,
  join,
  meet,
  orderEpochs,
  parseSequence,
  project,
  SEQUENCE_MAX,
  sequenceOf,
  streamsShortOf,
} from '../../epoch/epoch.ts'
import { arbitraryCut, arbitraryEpoch, arbitrarySequence } from '../../sim/testing/arbitraries.ts'
import { BALANCES } from '../../sim/testing/exchange-history.ts'
import { parameters } from '../../sim/testing/parameters.ts'

// Names that objects treat in their own way are names of streams like any other.
const STREAMS = ['dropcopy', 'cash', '1', 'toString']
const epoch = arbitraryEpoch(STREAMS)
const near = fc.record(Object.fromEntries(STREAMS.map(stream => [stream, fc.bigInt({ min: 0n, max: 2n })])))
const any = fc.oneof(epoch, near)
const laws = parameters({ numRuns: 500 })

/** The same epoch as numbers in a fixed order, for comparing with what is plainly right. */
const vector = (of: Epoch) => STREAMS.map(stream => (stream in of && Object.hasOwn(of, stream) ? of[stream] : undefined) ?? 0n)
const same = (a: Epoch, b: Epoch) => expect(vector(a)).toEqual(vector(b))

describe('the order of epochs', () => {
  it('is that of vectors, component by component, a stream that is not named standing at 0', () => {
    fc.assert(
      fc.property(any, any, (a, b) => {
        const pairs = vector(a).map((x, at) => [x, vector(b)[at] ?? 0n] as const)
        const [below, above] = [pairs.every(([x, y]) => x <= y), pairs.every(([x, y]) => x >= y)]
        expect(isAtOrBelow(a, b)).toBe(below)
        expect(orderEpochs(a, b)).toBe(below && above ? 'equal' : below ? 'before' : above ? 'after' : 'concurrent')
        expect(streamsShortOf(a, b).toSorted()).toEqual(
          STREAMS.filter((_, at) => (pairs[at]?.[0] ?? 0n) < (pairs[at]?.[1] ?? 0n)).toSorted(),
        )
      }),
      laws,
    )
  })

  it('is reflexive, antisymmetric and transitive', () => {
    fc.assert(
      fc.property(any, any, any, (a, b, c) => {
        expect(isAtOrBelow(a, a)).toBe(true)
        if (isAtOrBelow(a, b) && isAtOrBelow(b, a)) same(a, b)
        if (isAtOrBelow(a, b) && isAtOrBelow(b, c)) expect(isAtOrBelow(a, c)).toBe(true)
        const lower = meet(a, meet(b, c))
        expect(isAtOrBelow(lower, b) && isAtOrBelow(b, join(b, c)) && isAtOrBelow(lower, join(b, c))).toBe(true)
      }),
      laws,
    )
  })

  it('is a lattice: meet is the greatest epoch below both, join the least above both', () => {
    fc.assert(
      fc.property(any, any, any, (a, b, c) => {
        expect(isAtOrBelow(meet(a, b), a) && isAtOrBelow(meet(a, b), b)).toBe(true)
        expect(isAtOrBelow(a, join(a, b)) && isAtOrBelow(b, join(a, b))).toBe(true)
        expect(isAtOrBelow(c, meet(a, b))).toBe(isAtOrBelow(c, a) && isAtOrBelow(c, b))
        expect(isAtOrBelow(join(a, b), c)).toBe(isAtOrBelow(a, c) && isAtOrBelow(b, c))
        same(meet(a, b), meet(b, a))
        same(join(a, b), join(b, a))
        same(meet(a, meet(b, c)), meet(meet(a, b), c))
        same(join(a, join(b, c)), join(join(a, b), c))
        same(meet(a, a), a)
        same(join(a, a), a)
        same(meet(a, join(a, b)), a)
        same(join(a, meet(a, b)), a)
        same(meet(a, join(b, c)), join(meet(a, b), meet(a, c)))
      }),
      laws,
    )
  })

  it('is kept by projection to the streams of a leg', () => {
    fc.assert(
      fc.property(any, any, fc.subarray(STREAMS), (a, b, streams) => {
        expect(Object.keys(project(a, streams)).toSorted()).toEqual(streams.toSorted())
        if (isAtOrBelow(a, b)) expect(isAtOrBelow(project(a, streams), project(b, streams))).toBe(true)
        for (const stream of streams) expect(sequenceOf(project(a, streams), stream)).toBe(sequenceOf(a, stream))
      }),
      laws,
    )
  })
})

describe('an epoch as JSON', () => {
  it('comes back digit for digit', () => {
    fc.assert(
      fc.property(any, of => {
        expect(epochFromJson(JSON.parse(JSON.stringify(epochToJson(of))))).toEqual({ ...of })
      }),
      laws,
    )
  })

  it.each([[-1n], [SEQUENCE_MAX + 1n], ['-1'], ['9223372036854775808'], ['1.0'], ['1e3'], [' 1'], [''], [1], [null], [undefined], [{}]])(
    'refuses %s',
    value => {
      expect(() => parseSequence(value, 'the token')).toThrow(
        expect.objectContaining({ code: 'invalid-epoch', message: expect.stringContaining('the token') }),
      )
      expect(() => epochFromJson({ dropcopy: value })).toThrow(expect.objectContaining({ code: 'invalid-epoch' }))
    },
  )

  it('takes every sequence there is', () => {
    fc.assert(
      fc.property(arbitrarySequence(), sequence => {
        expect(parseSequence(sequence.toString(), 'the token')).toBe(sequence)
      }),
      laws,
    )
  })
})

describe('a cut', () => {
  it('is torn exactly in the streams in which a row is stamped above its epoch', () => {
    fc.assert(
      fc.property(arbitraryCut(BALANCES), any, any, ({ epoch: at, stamps, whole }, e, s) => {
        expect(tornStreams(at, stamps).length === 0).toBe(whole)
        const expected = STREAMS.filter((_, nth) => (vector(s)[nth] ?? 0n) > (vector(e)[nth] ?? 0n))
        expect(tornStreams(e, s).toSorted()).toEqual(expected.toSorted())
      }),
      laws,
    )
  })

  it('has regressed exactly in the streams in which it stands below what was seen', () => {
    fc.assert(
      fc.property(any, any, (e, seen) => {
        expect(regressedStreams(e, seen).toSorted()).toEqual(
          STREAMS.filter((_, nth) => (vector(e)[nth] ?? 0n) < (vector(seen)[nth] ?? 0n)).toSorted(),
        )
        expect(regressedStreams(join(e, seen), seen)).toEqual([])
      }),
      laws,
    )
  })
})
