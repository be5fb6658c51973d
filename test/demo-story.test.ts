import { isAbsolute, join } from 'node:path'
import picocolors from 'picocolors'
import { describe, expect, test } from 'vitest'
import type { Run } from '../checks/run.ts'
import type { DemoRun } from '../cli/demo/demo-run.ts'
import { findingLines } from '../cli/demo/finding.ts'
import { layOutFrame, type Picture } from '../cli/demo/frame.ts'
import { endRound, hearRun } from '../cli/demo/hear.ts'
import { introLines, shellWord } from '../cli/demo/intro.ts'
import { printedLine } from '../cli/demo/line.ts'
import { plainScreen } from '../cli/demo/plain-screen.ts'
import type { CheckRow } from '../cli/demo/run-columns.ts'
import type { Screen } from '../cli/demo/screen.ts'
import { judgeRun, type Phase, STORY_FAULTS } from '../cli/demo/story.ts'
import { EMPTY_TALLY } from '../cli/demo/tally.ts'
import type { State } from '../cli/demo/tell-story.ts'
import { timetable } from '../cli/demo/timetable.ts'
import { widthOf } from '../cli/terminal/table.ts'
import { packageRoot } from '../sim/engines/package-root.ts'
import { faultNamed } from '../sim/faults/catalogue.ts'
import { type CheckName, checkNames } from '../sim/faults/expectation.ts'
import type { PlantedFault } from '../sim/faults/planted-fault.ts'
import { systemClock } from '../stores/system-clock.ts'

const TINY = '-0.000000000000000001'
const planted: PlantedFault = {
  fault: 'altered-realized-pnl-transaction',
  event: 500n,
  keys: [{ account_id: 'A17', asset: 'USD', difference: TINY }],
  differences: {
    'transactions-balance': [{ kind: 'value', key: { account_id: 'A17', asset: 'USD' }, difference: { balance: TINY } }],
    'position-realized-pnls-balance': [{ kind: 'value', key: { account_id: 'A17', symbol: 'X' }, difference: { realized_pnl: TINY } }],
    'positions-match': [],
  },
  marks: [],
  transactionIds: ['E500:realized_pnl:A17:USD'],
}
const BALANCES = 'transactions-balance'
const REALIZED = 'position-realized-pnls-balance'
const POSITIONS = 'positions-match'
const CUSTODY = 'omnibus-balances-square'
const MARKS = 'pnl-is-zero-sum'
const calm: Phase = { kind: 'calm', plantAtMs: 0 }
const standing: Phase = { kind: 'planted', planted, plantedAtMs: 0, roundsSince: 0, foundBy: [] }
const seen: Phase = { ...standing, foundBy: [BALANCES] }
const found: Phase = { kind: 'found', planted, repairAtMs: 0, toldAgain: false }
const repaired: Phase = { kind: 'repaired', repairedAtMs: 0, balanced: [] }

describe('the demo judges what a check says by what the simulator recorded', () => {
  test.each([
    ['balanced before the fault', calm, BALANCES, balanced('400'), 'balanced'],
    ['balanced at an epoch below the fault', standing, BALANCES, balanced('499'), 'balanced'],
    ['balanced in a check that compares nothing that the fault touches', standing, POSITIONS, balanced('500'), 'balanced'],
    ['the fault as it was planted', standing, BALANCES, diff('500'), 'found'],
    ['the fault as another check must see it', seen, REALIZED, realizedDiff('500'), 'found'],
    ['the fault as the custodian must show it', standing, CUSTODY, custodyDiff('500', '0.000000000000000001'), 'found'],
    ['the fault in the mark of its key', standing, MARKS, markDiff('500', 'A17'), 'found'],
    ['balanced at a mark cycle below the fault', standing, MARKS, balanced('499'), 'balanced'],
    ['the fault, seen before by this check', seen, BALANCES, diff('900'), 'still-there'],
    ['the fault, seen before by all', found, BALANCES, diff('900'), 'still-there'],
    ['balanced after the repair', repaired, BALANCES, balanced('900'), 'balanced-again'],
    ['could not check', standing, BALANCES, run({ verdict: 'inconclusive', reasonCode: 'horizon-timeout' }), 'inconclusive'],
  ] as const)('%s', (_what, phase, check, said, expected) => {
    expect(judgeRun(phase, check, said)).toEqual({ kind: expected })
  })

  test.each([
    ['a difference that nobody planted', calm, BALANCES, diff('400')],
    ['a difference below the fault', standing, BALANCES, diff('499')],
    ['a fault that is not seen', standing, BALANCES, balanced('500')],
    ['a fault that is seen by one check and not by the other', seen, REALIZED, balanced('500')],
    ['a fault that is no longer seen', found, BALANCES, balanced('900')],
    ['a difference in a check that the fault does not touch', standing, POSITIONS, diff('500')],
    ['a difference after the repair', repaired, BALANCES, diff('900')],
    ['another account', standing, BALANCES, diff('500', { account_id: 'A18' })],
    ['another sign', standing, BALANCES, diff('500', { difference: '0.000000000000000001' })],
    ['another digit', standing, BALANCES, diff('500', { difference: '-0.000000000000000002' })],
    ['a second key beside it', standing, BALANCES, { ...diff('500'), mismatchCount: '2' }],
    ['another sign at the custodian', standing, CUSTODY, custodyDiff('500', '-0.000000000000000001')],
    ['the mark of another account', standing, MARKS, markDiff('500', 'A18')],
    ['another reason', standing, BALANCES, { ...diff('500'), reasonCode: 'rows-missing' }],
  ] as const)('%s is wrong', (_what, phase, check, said) => {
    expect(judgeRun(phase, check, said)).toMatchObject({ kind: 'wrong' })
  })

  test('every fault of the story can be seen, found and repaired, and is in sums, which no later event supersedes', () => {
    for (const name of STORY_FAULTS) {
      const fault = faultNamed(name)
      expect(fault).toMatchObject({ visible: true, repairable: true })
      expect(['last fill', 'earlier fill']).not.toContain(fault.suits)
      expect(checkNames.filter(check => fault.expect[check].verdict === 'diff')).not.toEqual([])
    }
  })
})

describe('the story goes on', () => {
  const checks = [BALANCES, REALIZED, POSITIONS] as const
  const times = { shownMs: 100, nextFaultMs: () => 9_000 }
  const told: string[] = []
  const screen: Screen = {
    began: () => undefined,
    ran: () => undefined,
    tell: (_tone, sentence) => told.push(sentence),
    repaired: () => told.push('repaired'),
    tick: () => undefined,
    close: () => undefined,
  }
  const hearAll = (phase: Phase, runs: readonly (readonly [(typeof checks)[number], Run])[]) => {
    told.length = 0
    let state: State = { phase, tally: { ...EMPTY_TALLY, faults: [{ fault: planted.fault, found: [] }] }, wrong: undefined }
    for (const [check, said] of runs) state = hearRun(state, check, shown({ ...said, check }), 50, screen)
    return endRound(state, { nowMs: 50, times, checks }, screen)
  }

  test('only once every check that must see the fault has found it', () => {
    const one = hearAll(standing, [
      [BALANCES, diff('500')],
      [REALIZED, couldNot()],
      [POSITIONS, balanced('500')],
    ])
    expect(one.phase).toMatchObject({ kind: 'planted', roundsSince: 1, foundBy: [BALANCES] })

    const all = hearAll(one.phase, [
      [BALANCES, diff('600')],
      [REALIZED, realizedDiff('600')],
      [POSITIONS, balanced('600')],
    ])
    expect(all.phase).toEqual({ kind: 'found', planted, repairAtMs: 150, toldAgain: false })
    expect(told).toEqual([
      expect.stringMatching(/^Fault found 50 ms later by position-realized-pnls-balance, 2 rounds after it: /),
      expect.stringMatching(/must see the fault has found it\. Balanced as before.*it compares: positions-match\.$/),
    ])
  })

  test('only once every check is balanced again', () => {
    const two = hearAll(repaired, [
      [BALANCES, balanced('900')],
      [REALIZED, couldNot()],
      [POSITIONS, balanced('900')],
    ])
    expect(two.phase).toMatchObject({ kind: 'repaired', balanced: [BALANCES, POSITIONS] })
    const all = hearAll(two.phase, [
      [BALANCES, balanced('950')],
      [REALIZED, balanced('950')],
      [POSITIONS, balanced('950')],
    ])
    expect(all).toMatchObject({ phase: { kind: 'calm', plantAtMs: 9_000 }, tally: { faults: [{ balancedAgain: true }] } })
    expect(told.at(-1)).toBe('repaired')
  })

  test('not beyond a verdict that is wrong', () => {
    expect(hearAll(calm, [[BALANCES, diff('400')]]).wrong?.run).toMatchObject({ verdict: 'diff' })
    expect(told).toEqual([expect.stringMatching(/^WRONG: transactions-balance reports a difference at an epoch where no fault/)])
  })
})

describe('the timetable of the demo', () => {
  test('plants the first fault after a third of the time, and none where its story would not fit', () => {
    expect([5, 10, 30, 60, 600, undefined].map(seconds => timetable(seconds && seconds * 1_000).firstFaultMs)).toEqual([
      Number.POSITIVE_INFINITY,
      10_000 / 3,
      10_000,
      20_000,
      25_000,
      25_000,
    ])
    expect(timetable(60_000).nextFaultMs(35_000)).toBe(Number.POSITIVE_INFINITY)
    expect(timetable(undefined).nextFaultMs(35_000)).toBe(80_000)
  })

  test('ends in time when the story is told, a little later when it is not, and not for ever', () => {
    const { isOver } = timetable(30_000)
    expect([isOver(29_999, true), isOver(30_000, true), isOver(30_000, false), isOver(90_000, false)]).toEqual([false, true, false, true])
  })
})

describe('the picture on a terminal', () => {
  const newest = (check: CheckName, said: Run, underWay = false): CheckRow => ({
    check,
    latest: shown({ ...said, check }),
    underWay,
    leftOut: undefined,
  })
  const nasty = diff('41', { account_id: '\u6771\u4eac\u001b[31m口座'.repeat(20) })
  const picture: Picture = {
    nowMs: 7_000,
    elapsedMs: 61_000,
    lastsMs: 120_000,
    pace: { eventsPerSecond: 1_500, sinkLagMs: 1_234, status },
    checks: [
      newest(BALANCES, { ...diff('40123'), keysCompared: '12345' }),
      newest(REALIZED, balanced('40123'), true),
      newest(POSITIONS, run({ verdict: 'inconclusive', reasonCode: 'torn-cut', epoch: { dropcopy: '1234567', cash: '654321' } })),
      { check: 'omnibus-balances-square', latest: undefined, underWay: false, leftOut: 'the demo has no custodian' },
    ],
    naive: shown(balanced('40123')),
    findings: [nasty, realizedDiff('41'), nasty],
    repaired: false,
    told: Array.from({ length: 20 }, (_, at) => ({
      atMs: at,
      tone: 'news' as const,
      sentence: `${at}: ${'some words '.repeat(30)}end ${at}.`,
    })),
  }

  test.each([
    [80, 24],
    [120, 40],
    [20, 5],
  ])('fits into %i columns and %i rows, without an escape code of a store', (width, height) => {
    const lines = layOutFrame(picture, width, height - 1).map(line => printedLine(line, width, picocolors.createColors(false)))
    expect(lines.length).toBeLessThan(height)
    for (const line of lines) {
      expect(widthOf(line)).toBeLessThanOrEqual(width)
      expect(line).not.toContain('\u001b')
    }
  })

  test.each([
    [80, 24],
    [120, 40],
  ])('shows at %i columns and %i rows each check with what it said last, a finding and the last words', (width, height) => {
    const text = drawn(picture, width, height)
    expect(text).toContain('1:01 of 2:00')
    expect(text).toMatch(/^transactions-balance +diff +40123 .*12,345 +1 .* 2 s$/m)
    expect(text).toMatch(/^position-realized-pnls-balance +balanced +40123 .* 2 +0 .*\.\.\.$/m)
    expect(text).toMatch(/^positions-match +inconclusive +1234567 /m)
    expect(text).toMatch(/^omnibus-balances-square +left out: the demo has no custodian$/m)
    expect(text).toContain(TINY)
    expect(text).toContain('end 19.')
  })

  test('cuts no line of the table at 80 columns', () => {
    const lines = drawn(picture, 80, 24).split('\n').slice(2, 7)
    expect(lines[0]?.split(/ +/)).toEqual(['check', 'verdict', 'dropcopy', 'keys', 'differ', 'took', 'age'])
    expect(lines[4]).toMatch(/custodian$/)
    for (const line of lines.slice(0, 4)) expect(line.length).toBe(lines[0]?.length)
  })

  test.each(Array.from({ length: 30 }, (_, at) => 16 + at))('shows of what was told whole notes only, in %i rows', height => {
    const notes = [4, 2, 5, 1, 3].map((lines, at) => ({
      atMs: 0,
      tone: 'news' as const,
      sentence: Array.from({ length: lines }, (_, line) => `${`note${at}line${line + 1}of${lines}`.padEnd(60, '.')}`).join(' '),
    }))
    for (const count of [1, 2, 3, 4, 5]) {
      const text = drawn({ ...picture, findings: [], told: notes.slice(0, count) }, 80, height)
      const shownNotes = [...text.matchAll(/note(\d)line/g)].map(([, note]) => Number(note))
      const whole = [4, 2, 5, 1, 3].flatMap((lines, at) => Array<number>(lines).fill(at))
      expect(shownNotes).toEqual(whole.slice(whole.indexOf(shownNotes[0] ?? -1), whole.lastIndexOf(count - 1) + 1))
      expect(shownNotes).toContain(count - 1)
      expect(text).toMatch(/^transactions-balance /m)
    }
  })

  test('shows as many findings as there is room for, each whole', () => {
    const few = { ...picture, told: picture.told.slice(0, 1), findings: [diff('41'), realizedDiff('42')] }
    const titles = (height: number) =>
      drawn(few, 120, height)
        .split('\n')
        .filter(line => line.startsWith('diff ('))
    expect(titles(24)).toHaveLength(1)
    expect(titles(60)).toHaveLength(2)
    expect(drawn(few, 120, 60).match(/difference/g)).toHaveLength(2)
  })

  test('cuts no word of the head line and of the title of the finding at 80 columns, and never counts beyond the end', () => {
    const late: Run = { ...diff('40123'), epoch: { dropcopy: '40123', cash: '11234' } }
    const text = drawn({ ...picture, elapsedMs: 26_000, lastsMs: 25_000, findings: [late], repaired: true }, 80, 24)
    expect(text).toMatch(/^recon demo {2}0:25 of 0:25 {2}1,500 events\/s, ClickHouse 1\.2 s behind$/m)
    expect(text).toMatch(/^diff \(value-mismatch\) at dropcopy=40123 cash=11234, repaired since$/m)
    expect(drawn({ ...picture, findings: [late], repaired: true }, 120, 40)).toMatch(
      /behind {2}Ctrl-C ends it$[\s\S]*since {2}transactions-balance$/m,
    )
  })
})

describe('the log on a pipe', () => {
  test('has a line for each run, its columns under their titles, and none of them cut at 80 columns', () => {
    const logged = (width: number) => {
      const lines: string[] = []
      const screen = plainScreen(line => lines.push(line), systemClock, width)
      screen.ran(shown({ ...balanced('41275'), check: REALIZED }))
      screen.ran(shown(diff('41275')))
      return lines.slice(lines.findIndex(line => line.startsWith('time UTC')))
    }
    expect(logged(80).every(line => widthOf(line) <= 80)).toBe(true)
    const [titles = '', first = '', second = ''] = logged(Number.POSITIVE_INFINITY)
    expect(titles.split(/ {2,}/)).toEqual('time UTC,check,verdict,dropcopy,cash,keys,differ,apart,naive,waited,took'.split(','))
    expect(first).toMatch(/^00:00:05 {2}position-realized-pnls-balance {2}balanced +41275 +7 +2 +0 +2,345 +- +1 ms +4 ms$/)
    expect(second).toMatch(/^00:00:05 {2}transactions-balance +diff +41275 +7 +2 +1 +2,345 +12 +1 ms +4 ms$/)
    expect(new Set([titles, first, second].map(line => line.length)).size).toBe(1)
  })
})

describe('a difference for a person', () => {
  test('names the sides of its check, and of several values only those that differ', () => {
    const several: Run = {
      ...diff('7'),
      check: POSITIONS,
      mismatches: [
        {
          key: { account_id: 'A1', symbol: 'X' },
          kind: 'value',
          left: { quantity: '1', cost_basis: '10.5', realized_pnl: '0' },
          right: { quantity: '1', cost_basis: '110.25', realized_pnl: '0' },
          difference: { quantity: '0', cost_basis: '-99.75', realized_pnl: '0' },
        },
      ],
    }
    const texts = (said: Run) => findingLines(said, 80).map(line => line.map(({ text }) => text).join(''))
    expect(texts(several).slice(2)).toEqual([
      '  account_id A1, symbol X',
      '    cost_basis',
      '    PostgreSQL   10.5',
      '    ClickHouse  110.25',
      '    difference  -99.75',
    ])
    expect(texts(realizedDiff('7')).slice(3)).toEqual([
      '    positions      1',
      '    transactions   1.000000000000000001',
      '    difference    -0.000000000000000001',
    ])
  })
})

describe('what an onlooker is told first', () => {
  const lines = introLines(
    {
      postgresUrl: 'postgresql://127.0.0.1:1/incumbent',
      clickhouseUrl: 'http://127.0.0.1:2/incumbent',
      reconUrl: 'postgresql://127.0.0.1:1/recon',
      clickhouse: { tcpPort: 3 },
    },
    { accounts: 10_000, rate: 1_500, checks: checkNames, custodian: { url: 'http://127.0.0.1:4', apiKey: 'an-api-key' } },
  )

  test('fits into 80 columns, but for what is pasted', () => {
    expect(lines.filter(line => widthOf(line) > 80 && !/^ {2}(node|export) /.test(line))).toEqual([])
  })

  test('names recon by a path that holds in every folder', () => {
    expect(lines).toContain(`  node ${shellWord(join(packageRoot(), 'dist', 'cli', 'recon.js'))} check --all`)
    expect(isAbsolute(packageRoot())).toBe(true)
    expect(['/a/b.js', '/a b/c.js', "/it's/c.js"].map(shellWord)).toEqual(['/a/b.js', "'/a b/c.js'", "'/it'\\''s/c.js'"])
  })
})

function drawn(picture: Picture, width: number, height: number): string {
  return layOutFrame(picture, width, height - 1)
    .map(line => printedLine(line, width, picocolors.createColors(false)))
    .join('\n')
}

const status = {
  published: 0n,
  transfersDue: 0n,
  token: 0n,
  cash: 0n,
  sink: { dropcopy: 0n, cash: 0n },
  roles: { 'trade-engine': 'running', 'cash-writer': 'running', sink: 'running' },
} as const

function run(changes: Partial<Run>): Run {
  return {
    schema: 'recon.run/1',
    runId: 'r',
    check: 'transactions-balance',
    verdict: 'balanced',
    reasonCode: 'balanced',
    reason: 'all 2 keys agree',
    epoch: null,
    keysCompared: '2',
    mismatchCount: '0',
    mismatches: [],
    horizon: { strategy: 'watermark', waitedMs: 1, legs: [], readings: 1 },
    capture: { attempts: 1, torn: 0, stamps: null, rows: '2' },
    conflicts: [],
    canary: 'found',
    findings: [],
    warnings: [],
    startedAt: '',
    finishedAt: '',
    durationMs: { capture: 1, wait: 1, read: 1, compare: 1, total: 4 },
    ...changes,
  }
}

function balanced(dropcopy: string): Run {
  return run({ epoch: { dropcopy, cash: '7' } })
}

function couldNot(): Run {
  return run({ verdict: 'inconclusive', reasonCode: 'horizon-timeout' })
}

function diff(dropcopy: string, { account_id = 'A17', difference = '-0.000000000000000001' } = {}): Run {
  const [left, right] = [{ balance: '1' }, { balance: '1.000000000000000001' }]
  return run({
    epoch: { dropcopy, cash: '7' },
    verdict: 'diff',
    reasonCode: 'value-mismatch',
    reason: '1 of 2 keys differ',
    mismatchCount: '1',
    mismatches: [{ key: { account_id, asset: 'USD' }, kind: 'value', left, right, difference: { balance: difference } }],
  })
}

function realizedDiff(dropcopy: string): Run {
  const [left, right] = [{ realized_pnl: '1' }, { realized_pnl: '1.000000000000000001' }]
  const mismatch = { key: { account_id: 'A17', symbol: 'X' }, kind: 'value', left, right, difference: { realized_pnl: TINY } } as const
  return { ...diff(dropcopy), check: REALIZED, mismatches: [mismatch] }
}

function custodyDiff(dropcopy: string, custody: string): Run {
  const mismatch = {
    key: { asset: 'USD' },
    kind: 'value',
    left: { custody: '1' },
    right: { custody: '1' },
    difference: { custody },
  } as const
  return { ...diff(dropcopy), check: CUSTODY, mismatches: [mismatch] }
}

function markDiff(dropcopy: string, account_id: string): Run {
  const findings = [{ kind: 'realized-differs', key: { account_id, symbol: 'X' }, detail: {} }]
  return { ...diff(dropcopy), check: MARKS, mismatchCount: '0', mismatches: [], findings }
}

function shown(said: Run): DemoRun {
  return {
    run: said,
    finishedAtMs: 5_000,
    pace: { eventsPerSecond: 1_500, sinkLagMs: 1_234, status },
    eventsApart: 2_345n,
    unpinnedDifferences: said.check === BALANCES ? 12n : undefined,
  }
}
