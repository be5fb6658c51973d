import { describe, expect, it } from 'vitest'
import { roundRobin } from '../bench/soak/check-once.ts'
import { distributionOf } from '../bench/soak/distribution.ts'
import { brokenBounds, type CheckedRun, countedOfAll, countedRuns, type SoakEvidence, soakBounds } from '../bench/soak/judge-soak.ts'
import { keepBusy } from '../bench/soak/keep-busy.ts'
import { differingKeys } from '../bench/soak/naive-comparison.ts'
import { readSoakOptions } from '../bench/soak/options.ts'
import { systemClock } from '../stores/system-clock.ts'

const CHECK = 'transactions-balance'
const OTHER = 'pnl-is-zero-sum'
const balanced = (dropcopy: bigint, cash: bigint, check = CHECK): CheckedRun => ({
  check,
  verdict: 'balanced',
  reasonCode: 'balanced',
  epoch: { dropcopy, cash },
  keysCompared: 10n,
  tornCuts: 0,
})

describe('what the soak counts', () => {
  it('takes the checks in order of epoch, and counts none at the epoch of the one before', () => {
    const runs = [balanced(30n, 2n), balanced(10n, 1n), balanced(10n, 1n), balanced(10n, 2n), balanced(30n, 2n)]
    expect(countedRuns(runs)).toEqual([balanced(10n, 1n), balanced(10n, 2n), balanced(30n, 2n)])
  })

  it('counts no check at an epoch that the one before it is not below in every stream, and none without a verdict on the books', () => {
    const blind: CheckedRun = { ...balanced(40n, 9n), verdict: 'inconclusive', reasonCode: 'torn-cut' }
    const runs = [balanced(10n, 5n), balanced(20n, 4n), blind, { ...blind, epoch: undefined }]
    expect(countedRuns(runs)).toEqual([balanced(10n, 5n)])
  })

  it('counts the runs of each check by themselves', () => {
    const runs = [balanced(10n, 1n), balanced(20n, 2n), balanced(10n, 1n, OTHER), balanced(10n, 1n, OTHER), balanced(5n, 1n, OTHER)]
    expect(countedOfAll([CHECK, OTHER], runs)).toBe(4)
    expect(countedOfAll([CHECK], runs)).toBe(2)
  })

  it('takes the checks in turn', () => {
    const next = roundRobin(['a', 'b', 'c'])
    expect([next(), next(), next(), next()]).toEqual(['a', 'b', 'c', 'a'])
  })
})

describe('what the soak does not let pass', () => {
  const runs = [
    ...Array.from({ length: 15 }, (_, at) => balanced(BigInt(at + 1), 1n)),
    ...[1n, 2n].map(cycle => ({ ...balanced(cycle, 1n, OTHER), keysCompared: 4n })),
  ]
  const sound: SoakEvidence = {
    checks: [CHECK, OTHER],
    runs,
    eventsPerSecond: 1_600,
    restarts: [
      { role: 'sink', killed: 'anywhere', outageMs: 900 },
      { role: 'trade-engine', killed: 'after-state', outageMs: 2_000 },
    ],
    transfers: { deposits: 3, withdrawals: 1 },
    final: {
      runs: [balanced(99n, 9n), { ...balanced(90n, 9n, OTHER), keysCompared: 4n }],
      keys: { [CHECK]: 10n, [OTHER]: 4n },
      accounts: 10n,
      transactions: 50n,
    },
  }
  const bounds = soakBounds(10, 10)
  const [first = balanced(1n, 1n), ...others] = runs

  it('passes a soak that holds everything', () => {
    expect(brokenBounds(sound, bounds)).toEqual([])
  })

  it('asks for 1,000 runs in 600 seconds and in more, and for as many in proportion in less', () => {
    expect([10, 300, 600, 900].map(seconds => soakBounds(seconds, 10).countedMin)).toEqual([17, 500, 1_000, 1_000])
  })

  it.each([
    ['a difference', { runs: [...runs, { ...balanced(50n, 5n), verdict: 'diff', reasonCode: 'value-mismatch' }] }, 'false differences'],
    ['too few runs that count', { runs: [...others, balanced(2n, 1n)] }, 'runs counted'],
    [
      'a check of which no run counts',
      {
        checks: [CHECK, OTHER, 'third'],
        final: { ...sound.final, runs: [...sound.final.runs, balanced(9n, 9n, 'third')], keys: { ...sound.final.keys, third: 10n } },
      },
      'no run of third',
    ],
    ['more than one in a hundred without a verdict', { runs: [...runs, { ...first, verdict: 'inconclusive' }] }, 'inconclusive'],
    ['a run that saw fewer keys than there are accounts', { runs: [...runs, { ...balanced(50n, 5n), keysCompared: 9n }] }, 'fewer keys'],
    ['too slow an exchange', { eventsPerSecond: 1_499 }, 'events a second'],
    [
      'a restart that takes too long',
      { restarts: [...sound.restarts, { role: 'sink', killed: 'anywhere', outageMs: 2_001 }] },
      'restart took',
    ],
    ['a sink that was never killed', { restarts: sound.restarts.slice(1) }, 'sink was never'],
    ['an exchange without withdrawals', { transfers: { deposits: 3, withdrawals: 0 } }, 'withdrawals'],
    [
      'books that are not balanced at rest',
      { final: { ...sound.final, runs: sound.final.runs.map((run, at) => (at === 0 ? run : { ...run, verdict: 'diff' as const })) } },
      'at rest pnl-is-zero-sum says diff',
    ],
    [
      'a check that is not run at rest',
      { final: { ...sound.final, runs: sound.final.runs.slice(1) } },
      'at rest transactions-balance was not run',
    ],
    ['keys that were not compared at rest', { final: { ...sound.final, keys: { ...sound.final.keys, [CHECK]: 11n } } }, 'compared 10 keys'],
    ['accounts that are missing', { final: { ...sound.final, accounts: 9n } }, 'accounts'],
  ] satisfies [string, Partial<SoakEvidence>, string][])('%s', (_, change, words) => {
    const broken = brokenBounds({ ...sound, ...change }, bounds)
    expect(broken.length).toBe(1)
    expect(broken[0]).toContain(words)
  })
})

describe('the parts of the soak', () => {
  it('reports percentiles that were measured, and none where nothing was', () => {
    const hundred = Array.from({ length: 100 }, (_, at) => 100 - at)
    expect(distributionOf(hundred)).toEqual({ min: 1, p50: 50, p90: 90, p99: 99, max: 100 })
    expect(distributionOf([7])).toEqual({ min: 7, p50: 7, p90: 7, p99: 7, max: 7 })
    expect(distributionOf([])).toBeNull()
  })

  it('compares naively by key: a changed value is one difference, and zero is as good as absent', () => {
    const line = (...fields: string[]) => fields.join('\u001f')
    const left = [line('A', 'USD', '1'), line('B', 'USD', '2'), line('C', 'USD', '0'), line('D', 'USD', '4')]
    const right = [line('A', 'USD', '1'), line('B', 'USD', '3'), line('E', 'USD', '5'), line('F', 'USD', '0')]
    expect(differingKeys(left, right)).toBe(3)
    expect(differingKeys(left, left)).toBe(0)
  })

  it('has no more under way than it may, and finishes what is under way at the end', async () => {
    const over = new AbortController()
    const seen = { begun: 0, underWay: 0, most: 0 }
    await keepBusy({ inFlightMax: 3, intervalMs: 0 }, systemClock, over.signal, async () => {
      seen.begun += 1
      seen.underWay += 1
      seen.most = Math.max(seen.most, seen.underWay)
      await new Promise(resolve => setImmediate(resolve))
      seen.underWay -= 1
      if (seen.begun >= 20) over.abort()
    })
    expect(seen.most).toBe(3)
    expect(seen.underWay).toBe(0)
  })

  it('takes its options from the command line before the environment, and says all that is wrong with them', () => {
    const read = (args: string[], environment = {}) => readSoakOptions(args, environment, () => 'fresh')
    expect(read([])).toEqual({ seconds: 600, seed: 'fresh', accounts: 20_000, eventsPerSecond: 1_600 })
    expect(read(['--seconds', '20'], { SOAK_SECONDS: '30', SOAK_SEED: 's' })).toMatchObject({ seconds: 20, seed: 's' })
    const problems = read(['--seconds', '1e3', '--rate', '0'])
    expect(problems).toContain('--seconds')
    expect(problems).toContain('--rate')
    expect(read(['--sede', '1'])).toContain('--sede')
  })
})
