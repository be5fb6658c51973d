import { isAbsolute, join } from 'node:path'
import picocolors from 'picocolors'
import { describe, expect, test } from 'vitest'
import type { Run } from '../checks/run.ts'
import { layOutFrame, type Picture } from '../cli/demo/frame.ts'
import { introLines, shellWord } from '../cli/demo/intro.ts'
import { printedLine } from '../cli/demo/line.ts'
import type { Round } from '../cli/demo/round.ts'
import { judgeRun, type Phase, STORY_FAULTS } from '../cli/demo/story.ts'
import { timetable } from '../cli/demo/timetable.ts'
import { widthOf } from '../cli/terminal/table.ts'
import { packageRoot } from '../sim/engines/package-root.ts'
import { faultNamed } from '../sim/faults/catalogue.ts'
import type { PlantedFault } from '../sim/faults/planted-fault.ts'

const planted: PlantedFault = {
  fault: 'altered-amount-by-1e-18',
  event: 500n,
  keys: [{ account_id: 'A17', asset: 'USD', difference: '-0.000000000000000001' }],
  differences: {
    'transactions-balance': [{ kind: 'value', key: { account_id: 'A17', asset: 'USD' }, difference: { balance: '-0.000000000000000001' } }],
    'position-realized-pnls-balance': [],
    'positions-match': [],
  },
  transactionIds: ['E500:fee:A17:USD'],
}
const calm: Phase = { kind: 'calm', plantAtMs: 0 }
const standing: Phase = { kind: 'planted', planted, plantedAtMs: 0, checksSince: 0 }
const found: Phase = { kind: 'found', planted, repairAtMs: 0, timesSeen: 1 }
const repaired: Phase = { kind: 'repaired', repairedAtMs: 0 }

describe('the demo judges what a check says by what the simulator recorded', () => {
  test.each([
    ['balanced before the fault', calm, balanced('400'), 'balanced'],
    ['balanced at an epoch below the fault', standing, balanced('499'), 'balanced'],
    ['the fault as it was planted', standing, diff('500'), 'found'],
    ['the fault, seen before', found, diff('900'), 'still-there'],
    ['balanced after the repair', repaired, balanced('900'), 'balanced-again'],
    ['could not check', standing, run({ verdict: 'inconclusive', reasonCode: 'horizon-timeout' }), 'inconclusive'],
  ] as const)('%s', (_what, phase, said, expected) => {
    expect(judgeRun(phase, said)).toEqual({ kind: expected })
  })

  test.each([
    ['a difference that nobody planted', calm, diff('400')],
    ['a difference below the fault', standing, diff('499')],
    ['a fault that is not seen', standing, balanced('500')],
    ['a fault that is no longer seen', found, balanced('900')],
    ['a difference after the repair', repaired, diff('900')],
    ['another account', standing, diff('500', { account_id: 'A18' })],
    ['another sign', standing, diff('500', { difference: '0.000000000000000001' })],
    ['another digit', standing, diff('500', { difference: '-0.000000000000000002' })],
    ['a second key beside it', standing, { ...diff('500'), mismatchCount: '2' }],
    ['another reason', standing, { ...diff('500'), reasonCode: 'rows-missing' }],
  ] as const)('%s is wrong', (_what, phase, said) => {
    expect(judgeRun(phase, said)).toMatchObject({ kind: 'wrong' })
  })

  test('every fault of the story can be seen, found and repaired', () => {
    for (const name of STORY_FAULTS)
      expect(faultNamed(name)).toMatchObject({ visible: true, repairable: true, expect: { 'transactions-balance': { verdict: 'diff' } } })
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
    expect([isOver(29_999, true), isOver(30_000, true), isOver(30_000, false), isOver(60_000, false)]).toEqual([false, true, false, true])
  })
})

describe('the picture on a terminal', () => {
  const rounds: Round[] = Array.from({ length: 60 }, (_, at) => ({
    run: at % 3 === 0 ? diff(`${at}`, { account_id: '\u6771\u4eac\u001b[31m口座'.repeat(20) }) : balanced(`${at}`),
    finishedAtMs: at * 2_000,
    pace: { eventsPerSecond: 1_500, sinkLagMs: 1_234, status },
    eventsApart: 2_345n,
    unpinnedDifferences: undefined,
  }))
  const picture: Picture = {
    nowMs: 0,
    elapsedMs: 61_000,
    lastsMs: 120_000,
    pace: rounds[0]?.pace,
    rounds,
    checking: 'transactions-balance',
    finding: rounds[0]?.run,
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
  ])('shows at %i columns and %i rows the newest check, the finding and the last words', (width, height) => {
    const text = layOutFrame(picture, width, height - 1)
      .map(line => printedLine(line, width, picocolors.createColors(false)))
      .join('\n')
    expect(text).toContain('1:01 of 2:00')
    expect(text).toMatch(/^00:01:58 .*diff|^00:01:58 .*balanced/m)
    expect(text).toContain('-0.000000000000000001')
    expect(text).toContain('end 19.')
  })

  test.each(Array.from({ length: 30 }, (_, at) => 12 + at))('shows of what was told whole notes only, in %i rows', height => {
    const told = [4, 2, 5, 1, 3].map((lines, at) => ({
      atMs: 0,
      tone: 'news' as const,
      sentence: Array.from({ length: lines }, (_, line) => `${`note${at}line${line + 1}of${lines}`.padEnd(60, '.')}`).join(' '),
    }))
    for (const count of [1, 2, 3, 4, 5]) {
      const text = drawn({ ...picture, finding: undefined, told: told.slice(0, count) }, 80, height)
      const seen = [...text.matchAll(/note(\d)line/g)].map(([, note]) => Number(note))
      const whole = [4, 2, 5, 1, 3].flatMap((lines, at) => Array<number>(lines).fill(at))
      expect(seen).toEqual(whole.slice(whole.indexOf(seen[0] ?? -1), whole.lastIndexOf(count - 1) + 1))
      expect(seen).toContain(count - 1)
      expect(text).toMatch(/00:01:58/)
    }
  })

  test('cuts no word of the head line and of the title of the finding at 80 columns, and never counts beyond the end', () => {
    const late: Run = { ...diff('40123'), epoch: { dropcopy: '40123', cash: '11234' } }
    const text = drawn({ ...picture, elapsedMs: 26_000, lastsMs: 25_000, finding: late, repaired: true }, 80, 24)
    expect(text).toMatch(/^recon demo {2}0:25 of 0:25 {2}1,500 events\/s, ClickHouse 1\.2 s behind$/m)
    expect(text).toMatch(/^diff \(value-mismatch\) at dropcopy=40123 cash=11234, repaired since$/m)
    expect(drawn({ ...picture, finding: late, repaired: true }, 120, 40)).toMatch(
      /behind {2}Ctrl-C ends it$[\s\S]*since {2}transactions-balance$/m,
    )
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
    { accounts: 10_000, rate: 1_500 },
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

function diff(dropcopy: string, { account_id = 'A17', difference = '-0.000000000000000001' } = {}): Run {
  return run({
    epoch: { dropcopy, cash: '7' },
    verdict: 'diff',
    reasonCode: 'value-mismatch',
    reason: '1 of 2 keys differ',
    mismatchCount: '1',
    mismatches: [
      {
        key: { account_id, asset: 'USD' },
        kind: 'value',
        left: { balance: '1' },
        right: { balance: '1.000000000000000001' },
        difference: { balance: difference },
      },
    ],
  })
}
