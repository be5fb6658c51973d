import { readFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Run } from '../checks/run.ts'
import { formatRun } from '../cli/check/format-run.ts'
import { nearest, suggestion } from '../cli/nearest.ts'
import { runIdAt } from '../cli/run-id.ts'
import { escapeLines, escapeName, escapeText } from '../cli/terminal/escape.ts'
import { layOutTable, widthOf } from '../cli/terminal/table.ts'

const anyText = fc.string({ unit: 'binary', maxLength: 12 })
const nastyText = fc.string({
  unit: fc.constantFrom('a', '\\', '"', 'n', '\n', '\u001b', ' ', '\ud800', '\u202e', 'u', '{', '}'),
  maxLength: 6,
})

describe('text from a store', () => {
  it('never reaches the terminal with a control, a line end, or a character that hides or reorders', () => {
    fc.assert(
      fc.property(fc.oneof(anyText, nastyText), text => {
        expect(escapeText(text)).not.toMatch(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u)
        expect(escapeName(text)).not.toMatch(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u)
      }),
    )
  })

  it('is never shown so that two names look the same', () => {
    fc.assert(fc.property(nastyText, nastyText, (a, b) => a === b || escapeName(a) !== escapeName(b)))
  })

  it('stays bare where it is plain, and is quoted where it is not', () => {
    expect(['A17', 'Zoë', '口座', 'a b'].map(escapeName)).toEqual(['A17', 'Zoë', '口座', 'a b'])
    expect(['', ' a', 'a\nb', 'a\\nb', 'say "hi"', '\u001b[31mred', 'NULL', '-'].map(escapeName)).toEqual([
      '""',
      '" a"',
      '"a\\nb"',
      '"a\\\\nb"',
      '"say \\"hi\\""',
      '"\\u{1b}[31mred"',
      '"NULL"',
      '"-"',
    ])
    expect(escapeName(null)).toBe('NULL')
  })

  it('keeps the line ends of a stack and nothing else', () => {
    expect(escapeLines('a\n  at b\u0007')).toBe('a\n  at b\\u{7}')
  })
})

describe('a table', () => {
  it('is aligned also where names are wide or carry combining marks', () => {
    const rows = ['A17', '口座', 'e\u0301'].map(name => [name, '1'])
    const lines = layOutTable(
      [
        { title: 'account', align: 'left' },
        { title: 'n', align: 'right' },
      ],
      rows,
    )
    expect(new Set(lines.map(widthOf))).toEqual(new Set([10]))
  })
})

describe('the nearest known name', () => {
  it.each([
    ['transaction-balance', 'transactions-balance'],
    ['transactions', 'transactions-balance'],
    ['positions-mtach', 'positions-match'],
    ['POSITIONS-MATCH', 'positions-match'],
    ['zzz', undefined],
  ])('of %s is %s', (typed, expected) => {
    expect(nearest(typed, ['transactions-balance', 'positions-match'])).toBe(expected)
  })

  it('is replaced by the list of known names where none is near', () => {
    expect(suggestion('zzz', ['a-check', 'b-check'])).toBe('; known here: a-check, b-check')
  })
})

describe('a run id', () => {
  const random = fc.uint8Array({ minLength: 10, maxLength: 10 })
  const time = fc.integer({ min: 0, max: 2 ** 48 - 1 })

  it('is a UUID of version 7', () => {
    fc.assert(
      fc.property(time, random, (wallMs, bytes) => {
        expect(runIdAt(wallMs, bytes)).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
      }),
    )
  })

  it('sorts by the time at which it was made', () => {
    fc.assert(fc.property(time, time, random, random, (a, b, x, y) => a === b || a < b === runIdAt(a, x) < runIdAt(b, y)))
  })
})

describe('a run for a person', () => {
  const run: Run = {
    schema: 'recon.run/1',
    runId: '01a20deb-b866-7ed4-922f-4ed8ccda94c2',
    check: 'transactions-balance',
    verdict: 'diff',
    reasonCode: 'value-mismatch',
    reason: '3 of 20000 keys differ',
    epoch: { dropcopy: '1045', cash: '87' },
    keysCompared: '20000',
    mismatchCount: '3',
    mismatches: [
      {
        key: { account_id: 'A17', asset: 'USD' },
        kind: 'value',
        left: { balance: '10.5' },
        right: { balance: '10.4' },
        difference: { balance: '0.1' },
      },
      {
        key: { account_id: 'B\u001b[2J\n', asset: 'BTC' },
        kind: 'missing-right',
        left: { balance: '-0.000000000000000001' },
        right: null,
        difference: {},
      },
    ],
    horizon: { strategy: 'watermark', waitedMs: 12, legs: [], readings: 1 },
    capture: { attempts: 1, torn: 0, stamps: null, rows: null },
    conflicts: [],
    canary: 'found',
    findings: [],
    warnings: [],
    startedAt: '2026-01-02T03:04:05.678Z',
    finishedAt: '2026-01-02T03:04:05.688Z',
    durationMs: { capture: 1, wait: 2, read: 3, compare: 4, total: 10 },
  }

  it('names verdict, epoch, keys, wait and durations, and the differing keys in aligned columns', () => {
    expect(formatRun(run, false)).toBe(
      `DIFF (value-mismatch)  transactions-balance
  3 of 20000 keys differ
  epoch     dropcopy=1045 cash=87
  keys      20000 compared, 3 differ
  horizon   watermark, waited 12 ms
  duration  10 ms (capture 1, wait 2, read 3, compare 4)
  run       01a20deb-b866-7ed4-922f-4ed8ccda94c2

  account_id      asset  value                     left  right  difference
  A17             USD    balance                   10.5   10.4         0.1
  "B\\u{1b}[2J\\n"  BTC    balance  -0.000000000000000001      -              missing-right
  ... and 1 more (maxMismatches)
`,
    )
  })

  it('says what to do where nothing could be checked', () => {
    const text = formatRun(
      { ...run, verdict: 'inconclusive', reasonCode: 'epoch-regression', epoch: null, mismatches: [], mismatchCount: '0' },
      false,
    )
    expect(text).toContain('INCONCLUSIVE (epoch-regression)')
    expect(text).toContain('none was captured')
    expect(text).toContain('recon epoch accept --reason')
  })

  it('is coloured only where colour is wanted', () => {
    const esc = String.fromCharCode(27)
    expect(formatRun(run, true)).toContain(`${esc}[31m`)
    expect(formatRun(run, false)).not.toContain(esc)
  })
})

describe('what a command loads', () => {
  const root = resolve(import.meta.dirname, '..')

  /** Every file of ours that is loaded at once with `entry`: static imports, types apart. */
  function loadedWith(entry: string, seen = new Set<string>()): Set<string> {
    const file = join(root, entry)
    if (seen.has(entry)) return seen
    seen.add(entry)
    for (const [, path = ''] of readFileSync(file, 'utf8').matchAll(/^(?:import|export) (?!type )[^;]*?from '(\.[^']+)'/gms)) {
      loadedWith(relative(root, resolve(dirname(file), path)), seen)
    }
    return seen
  }

  it.each(['cli/main.ts', 'cli/check/command.ts', 'cli/doctor/command.ts', 'cli/history.ts'])(
    'is no simulator and no embedded engine: %s',
    entry => {
      const loaded = [...loadedWith(entry)]
      expect(loaded.length).toBeGreaterThan(5)
      expect(loaded.filter(file => file.startsWith('sim/'))).toEqual([])
    },
  )

  it('is next to nothing before signals are taken', () => {
    expect([...loadedWith('cli/recon.ts')].sort()).toEqual(['cli/interrupted.ts', 'cli/recon.ts', 'epoch/recon-error.ts'])
  })
})
