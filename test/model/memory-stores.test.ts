import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { LegContext, Lines } from '../../epoch/leg.ts'
import { BALANCES } from '../../sim/testing/exchange-history.ts'
import type { Fact } from '../../sim/testing/fact.ts'
import { memoryHistory } from '../../sim/testing/memory-history.ts'
import { memoryState } from '../../sim/testing/memory-state.ts'
import { parameters } from '../../sim/testing/parameters.ts'
import { virtualClock } from '../../sim/testing/virtual-clock.ts'

const streams = ['dropcopy', 'cash']
const context: LegContext = { clock: virtualClock(), signal: new AbortController().signal }
const row = (account_id: string, balance: string) => ({ account_id, asset: 'USD', balance })
const fact = (sequence: bigint, id: string, account_id: string, amount: string, stream = 'dropcopy'): Fact => ({
  stream,
  sequence,
  id,
  row: row(account_id, amount),
})

async function text(lines: Lines): Promise<string> {
  const chunks: Uint8Array[] = []
  for await (const chunk of lines) chunks.push(chunk)
  return Buffer.concat(chunks).toString()
}

describe('state in memory', () => {
  it('shows a capture what was committed before its first query, and nothing that came after', async () => {
    const seen: string[] = []
    const state = memoryState({
      shape: BALANCES,
      streams,
      // A commit beside every step of the capture: each must be seen, or not, as a whole.
      roundTrip: async operation => {
        seen.push(operation)
        const at = BigInt(seen.length)
        state.commit({ put: [{ row: row('A', String(at)), stamps: { dropcopy: at } }], sequences: { dropcopy: at } })
      },
    })
    const capture = await state.leg.capture(context)
    expect(capture.epoch).toEqual({ dropcopy: 3n, cash: 0n })
    expect(capture.stamps).toEqual({ dropcopy: 3n, cash: 0n })
    const rows = await capture.drain()
    expect(await text(rows.lines())).toBe('A\tUSD\t3\n')
    expect(seen).toEqual(['connect', 'begin', 'epoch', 'stamps', 'rows', 'commit'])
    expect(state.openTransactions).toBe(0)
  })

  it('holds a transaction open until it is drained or discarded, also when a step of it fails', async () => {
    const fail = { at: 'none' }
    const state = memoryState({
      shape: BALANCES,
      streams,
      roundTrip: async operation => {
        if (operation === fail.at) throw new Error(operation)
      },
    })
    const capture = await state.leg.capture(context)
    expect(state.openTransactions).toBe(1)
    await capture.discard()
    await capture.discard()
    expect(state.openTransactions).toBe(0)
    for (const operation of ['begin', 'epoch', 'stamps', 'rows', 'commit']) {
      fail.at = operation
      await expect(state.leg.capture(context).then(each => each.drain())).rejects.toThrow(operation)
      expect(state.openTransactions).toBe(0)
    }
  })

  it.each(['0.1234567890123456789', 'NaN', ''])('refuses the amount %j and changes nothing', async amount => {
    const state = memoryState({ shape: BALANCES, streams })
    expect(() => state.commit({ put: [{ row: row('A', amount), stamps: {} }], sequences: { dropcopy: 1n } })).toThrow(
      expect.objectContaining({ code: 'invalid-amount', message: expect.stringContaining('"balance"') }),
    )
    expect(state.sequence('dropcopy')).toBe(0n)
    expect(state.find(row('A', '0'))).toBeUndefined()
  })
})

describe('history in memory', () => {
  const read = async (history: ReturnType<typeof memoryHistory>, epoch: Record<string, bigint>, at = epoch) => {
    const reading = history.leg.read(epoch, { strategy: 'settle', table: 'facts', at }, context)
    return { lines: await text(reading.lines), counted: reading.counted() }
  }

  it('sums facts as of the epoch, counts them up to the horizon, and gives no key more than once', async () => {
    const history = memoryHistory({ shape: BALANCES, streams })
    history.insert([
      fact(2n, 'b', 'A', '0.50'),
      fact(1n, 'a', 'A', '1'),
      fact(3n, 'c', 'B', '7'),
      fact(9n, 'z', 'C', '1'),
      fact(1n, 'd', 'A', '10', 'cash'),
    ])
    expect(await read(history, { dropcopy: 2n, cash: 1n }, { dropcopy: 3n, cash: 1n })).toEqual({
      lines: 'A\tUSD\t11.5\n',
      counted: { facts: { dropcopy: 3n, cash: 1n }, addresses: { dropcopy: 3n, cash: 1n }, undeclared: 0n, rows: 4n },
    })
  })

  it('takes repeated deliveries for one, other facts under the same address for others, and streams that nobody declared for none', async () => {
    const history = memoryHistory({ shape: BALANCES, streams })
    history.insert([
      fact(1n, 'a', 'A', '1'),
      fact(1n, 'a', 'A', '1.0'),
      fact(2n, 'b', 'A', '1'),
      fact(2n, 'b', 'A', '2'),
      fact(1n, 'x', 'A', '1', 'dividends'),
    ])
    expect(await read(history, { dropcopy: 9n })).toEqual({
      lines: 'A\tUSD\t4\n',
      counted: { facts: { dropcopy: 3n, cash: 0n }, addresses: { dropcopy: 2n, cash: 0n }, undeclared: 1n, rows: 5n },
    })
    const horizon = { strategy: 'settle', table: 'facts', at: { dropcopy: 9n } } as const
    expect(await history.leg.findConflicts(horizon, 10, context)).toEqual(['b'])
    expect(await history.leg.findConflicts({ ...horizon, at: { dropcopy: 1n } }, 10, context)).toEqual([])
  })

  it('sums to the last digit where a sum leaves Decimal(38, 18)', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.bigInt({ min: -(10n ** 38n) + 1n, max: 10n ** 38n - 1n }), { minLength: 1, maxLength: 5 }),
        async units => {
          const history = memoryHistory({ shape: BALANCES, streams })
          const decimal = (value: bigint) =>
            `${value < 0n ? '-' : ''}${String(value < 0n ? -value : value)
              .padStart(19, '0')
              .replace(/(\d{18})$/, '.$1')}`
          history.insert(units.map((value, at) => fact(1n, String(at), 'A', decimal(value))))
          const { lines } = await read(history, { dropcopy: 1n })
          const [, , sum = ''] = lines.trimEnd().split('\t')
          const [whole = '', fraction = ''] = sum.replace('-', '').split('.')
          expect((sum.startsWith('-') ? -1n : 1n) * BigInt(whole + fraction.padEnd(18, '0'))).toBe(units.reduce((a, b) => a + b, 0n))
        },
      ),
      parameters({ numRuns: 100 }),
    )
  })

  it('shows what was there when the statement began, though rows come while its answer is read', async () => {
    const history = memoryHistory({
      shape: BALANCES,
      streams,
      roundTrip: async operation => {
        if (operation === 'more') history.insert([fact(1n, 'late', 'ZZ', '1')])
      },
    })
    history.insert(Array.from({ length: 20 }, (_, at) => fact(1n, String(at), `A${at + 10}`, '1')))
    const first = await read(history, { dropcopy: 1n })
    expect(first.lines).not.toContain('ZZ')
    expect(first.counted.rows).toBe(20n)
    expect((await read(history, { dropcopy: 1n })).lines).toContain('ZZ')
    expect(history.openReadings).toBe(0)
  })

  it('refuses an amount with more places than the column has, naming it, and appends nothing', async () => {
    const history = memoryHistory({ shape: BALANCES, streams, places: 2 })
    expect(() => history.insert([fact(1n, 'a', 'A', '1.50'), fact(1n, 'b', 'A', '1.505')])).toThrow(
      expect.objectContaining({ code: 'invalid-amount', message: expect.stringContaining('1.505 has 3 places and the column has 2') }),
    )
    expect((await read(history, { dropcopy: 1n })).counted.rows).toBe(0n)
  })
})

describe('the virtual clock', () => {
  it('wakes sleepers in the order of their time, and lets everything settle in between', async () => {
    const clock = virtualClock()
    const { signal } = new AbortController()
    const woken: string[] = []
    const sleeper = async (name: string, ...ms: readonly number[]) => {
      for (const each of ms) {
        await clock.sleep(each, signal)
        woken.push(`${name}@${clock.monotonicMs()}`)
      }
    }
    await clock.drive(() => Promise.all([sleeper('a', 5, 5, 0), sleeper('b', 7, 3), sleeper('c', 0, 10)]))
    expect(woken).toEqual(['c@0', 'a@5', 'b@7', 'c@10', 'a@10', 'b@10', 'a@10'])
  })

  it('ends a sleep with the reason of its signal, and says so when nobody will ever wake', async () => {
    const clock = virtualClock()
    const abort = new AbortController()
    const sleeping = clock.drive(() => clock.sleep(1_000, abort.signal))
    abort.abort(new Error('enough'))
    await expect(sleeping).rejects.toThrow('enough')
    expect(clock.monotonicMs()).toBe(0)
    await expect(clock.drive(() => new Promise(() => undefined))).rejects.toMatchObject({ code: 'nothing-to-wait-for' })
  })
})
