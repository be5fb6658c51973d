/**
 * A property-test suite as a team would write it that has a ledger of its own. It knows `recon-engine` and `recon-engine/testing`, and nothing of what is behind them.
 * The ledger moves amounts between accounts, and a reporting store keeps every transfer: both must tell the same at every epoch, while both are written.
 */
import fc from 'fast-check'
import {
  addDecimals,
  compareRows,
  defineRelation,
  formatDecimal,
  functionSnapshotLeg,
  negateDecimal,
  type PlainRow,
  parseDecimal,
  type Run,
  runRelation,
} from 'recon-engine'
import {
  arbitraryAccountName,
  arbitraryDecimal,
  arbitraryHistory,
  type Fact,
  memoryHistory,
  parameters,
  playHistory,
  virtualClock,
} from 'recon-engine/testing'
import { describe, expect, it } from 'vitest'

const SHAPE = { keys: ['account'], values: ['balance'], aggregating: true } as const
const PATIENCE = { timeoutMs: 10_000, captureTimeoutMs: 1_000, horizonTimeoutMs: 1_000, maxMismatches: 10 }

/** A transfer, as the team's own code knows it. */
interface Transfer {
  readonly from: string
  readonly to: string
  readonly amount: string
}

/** The code under test: balances, and a counter of the transfers that are in them. */
interface Ledger {
  apply(transfer: Transfer): void
  readonly applied: bigint
  readonly rows: readonly PlainRow[]
}

/** The ledger, with its bug or without: whoever pays himself is credited on top of the balance from before the debit. */
function openLedger({ buggy }: { readonly buggy: boolean }): Ledger {
  const balances = new Map<string, string>()
  let applied = 0n
  const plus = (account: string, amount: string) => plusText(balances.get(account) ?? '0', amount)
  return {
    apply: ({ from, to, amount }) => {
      const creditedBefore = plus(to, amount)
      balances.set(from, plus(from, minusText(amount)))
      balances.set(to, buggy ? creditedBefore : plus(to, amount))
      applied++
    },
    get applied() {
      return applied
    },
    get rows() {
      return [...balances].map(([account, balance]) => ({ account, balance }))
    },
  }
}

const plusText = (a: string, b: string) => formatDecimal(addDecimals(parseDecimal(a), parseDecimal(b)))
const minusText = (amount: string) => formatDecimal(negateDecimal(parseDecimal(amount)))

/** Transfers among few accounts with the nastiest of names, so that they often meet. */
const transfers = fc.uniqueArray(arbitraryAccountName(), { minLength: 1, maxLength: 3 }).chain(accounts =>
  fc.array(
    fc.record({
      from: fc.constantFrom(...accounts),
      to: fc.constantFrom(...accounts),
      amount: arbitraryDecimal({ digits: 20 }).map(text => text.replace('-', '')),
    }),
    { maxLength: 8 },
  ),
)

/** What the reporting store is told of a transfer: two facts, each under a content address of its own. */
function factsOf({ from, to, amount }: Transfer, sequence: bigint): readonly Fact[] {
  const at = { stream: 'transfers', sequence }
  return [
    { ...at, id: `${sequence}:debit`, row: { account: from, balance: minusText(amount) } },
    { ...at, id: `${sequence}:credit`, row: { account: to, balance: amount } },
  ]
}

/** Both stores are written while the check runs, the reports lagging: still each run compares them at one epoch. Minutes pass in no time. */
async function checkWhileWriting(history: readonly Transfer[], ledger: Ledger): Promise<readonly Run[]> {
  const clock = virtualClock()
  const { signal } = new AbortController()
  const reports = memoryHistory({ shape: SHAPE, streams: ['transfers'], store: 'reports' })
  const relation = defineRelation({
    name: 'balances-match-reports',
    description: 'the balances of the ledger = the sums of the reported transfers, per account',
    ...SHAPE,
    left: functionSnapshotLeg({
      store: 'ledger',
      streams: ['transfers'],
      shape: SHAPE,
      capture: async () => ({ epoch: { transfers: ledger.applied }, rows: ledger.rows }),
    }),
    right: reports.leg,
  })
  const write = async () => {
    for (const transfer of history) {
      await clock.sleep(7_000, signal)
      ledger.apply(transfer)
    }
  }
  const report = async () => {
    for (const [at, transfer] of history.entries()) {
      const sequence = BigInt(at + 1)
      await clock.sleep(11_000, signal)
      reports.insert(factsOf(transfer, sequence))
      // The watermark comes after the rows that it vouches for.
      await clock.sleep(500, signal)
      reports.watermark('transfers', sequence, 2n * sequence)
    }
  }
  const check = async () => {
    const runs: Run[] = []
    while (runs.length < 4) {
      await clock.sleep(12_000, signal)
      runs.push(
        await runRelation(relation, {
          runId: `run ${runs.length}`,
          clock,
          signal,
          ...PATIENCE,
          horizonTimeoutMs: 60_000,
          timeoutMs: 120_000,
        }),
      )
    }
    return runs
  }
  return clock.drive(async () => {
    const [runs] = await Promise.all([check(), write(), report()])
    return runs
  })
}

describe('our ledger', () => {
  it('agrees with the reports at every epoch, while both are written', async () => {
    await fc.assert(
      fc.asyncProperty(transfers, async history => {
        const runs = await checkWhileWriting(history, openLedger({ buggy: false }))
        expect(runs.map(({ verdict }) => verdict)).toEqual(runs.map(() => 'balanced'))
      }),
      parameters({ numRuns: 100 }),
    )
  })

  it('is found out when it has a bug, with the account and the exact difference', async () => {
    const outcome = await fc.check(
      fc.asyncProperty(transfers, async history => {
        const runs = await checkWhileWriting(history, openLedger({ buggy: true }))
        return runs.every(({ verdict }) => verdict === 'balanced')
      }),
      { numRuns: 500, seed: 7 },
    )

    // What fast-check has shrunk it to is the bug in a nutshell: one transfer from an account to itself.
    const [[transfer, ...more] = []] = outcome.counterexample ?? []
    expect(outcome.failed).toBe(true)
    expect(more).toEqual([])
    expect(transfer?.from).toBe(transfer?.to)

    const runs = await checkWhileWriting(transfer ? [transfer] : [], openLedger({ buggy: true }))
    expect(runs.at(-1)).toMatchObject({
      verdict: 'diff',
      reasonCode: 'value-mismatch',
      epoch: { transfers: '1' },
      mismatches: [{ key: { account: transfer?.to }, difference: { balance: transfer?.amount } }],
    })
  })

  it('moves money and makes none', async () => {
    await fc.assert(
      fc.asyncProperty(transfers, async history => {
        const ledger = openLedger({ buggy: false })
        for (const transfer of history) ledger.apply(transfer)
        const total = ledger.rows.reduce((sum, { balance }) => plusText(sum, String(balance)), '0')
        // In an aggregating shape a sum of zero and no row at all are the same.
        const { mismatches } = await compareRows([{ account: 'everybody', balance: total }], [], SHAPE)
        expect(mismatches).toEqual([])
      }),
      parameters({ numRuns: 100 }),
    )
  })
})

describe('a whole exchange', () => {
  it('shows no difference to any run, whatever crashes, lags and repeats itself', async () => {
    await fc.assert(
      fc.asyncProperty(arbitraryHistory(), async history => {
        const clock = virtualClock()
        const { signal } = new AbortController()
        const run = await clock.drive(async () => {
          const { relation, finished } = playHistory(history, { clock, signal })
          await clock.sleep(40, signal)
          const during = await runRelation(relation, { runId: 'run', clock, signal, ...PATIENCE })
          await finished
          return during
        })
        expect(run.verdict).not.toBe('diff')
      }),
      parameters({ numRuns: 100 }),
    )
  })
})
