import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { BUILTIN_CHECK_NAMES } from '../checks/builtin.ts'
import { compiledEntry, packageRoot } from '../sim/engines/package-root.ts'
import { descendants, isAlive } from '../sim/engines/process-tree.ts'
import { faultNamed } from '../sim/faults/catalogue.ts'
import { until } from './support/until.ts'

interface Demo {
  readonly child: ChildProcess
  readonly pid: number
  /** What it printed on stdout so far, line by line. */
  readonly lines: readonly string[]
  /** What it said on stderr so far. */
  readonly talk: () => string
  readonly exited: Promise<number | null>
}

describe('recon demo', () => {
  let folder: string
  let demo: Demo | undefined
  let family: readonly number[] = []

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'recon-demo-'))
    // Root's PostgreSQL runs as somebody else and must get in.
    await chmod(folder, 0o755)
  })
  afterEach(async () => {
    for (const pid of [demo?.pid, ...family]) if (pid !== undefined && isAlive(pid)) process.kill(pid, 'SIGKILL')
    await rm(folder, { recursive: true, force: true })
  })

  const launch = (args: readonly string[]): Demo => {
    const child = spawn(process.execPath, [compiledEntry('cli/recon.ts'), 'demo', ...args], {
      cwd: packageRoot(),
      env: { PATH: process.env['PATH'] ?? '', TMPDIR: folder },
      stdio: ['ignore', 'pipe', 'pipe'],
      // A group of its own, so that Ctrl-C can be played as a terminal sends it.
      detached: true,
    })
    const lines: string[] = []
    let talk = ''
    createInterface({ input: child.stdout }).on('line', line => lines.push(line))
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      talk += text
    })
    demo = {
      child,
      pid: child.pid ?? 0,
      lines,
      talk: () => talk,
      exited: once(child, 'close').then(([code]) => (typeof code === 'number' ? code : null)),
    }
    return demo
  }
  const untilSaid = (what: RegExp, { lines, talk, child }: Demo) =>
    until(`the demo says ${what}`, () => {
      if (child.exitCode !== null) throw new Error(`the demo ended with ${child.exitCode}:\n${talk()}\n${lines.join('\n')}`)
      return what.test(talk()) || lines.some(line => what.test(line))
    })
  const expectNothingLeft = async () => {
    await until('every process is gone', () => !family.some(isAlive))
    await until('the temporary folders are gone', async () => (await readdir(folder)).length === 0)
  }

  test('tells its story on a pipe: balanced, a fault planted, found as it was planted, repaired, balanced again; and ends with 0', async () => {
    const running = launch(['--seconds', '12'])
    await untilSaid(/^To look for yourself/, running)
    family = await descendants(running.pid)
    expect(family.length).toBeGreaterThanOrEqual(8)

    const status = await running.exited
    const { lines } = running
    const told = lines.join('\n')
    expect({ status, told, talk: running.talk() }).toMatchObject({ status: 0 })

    const story = [
      /transactions-balance is balanced at one epoch, dropcopy=\d+ cash=\d+: [\d,]+ keys agree to the last digit/,
      /Fault planted: altered-realized-pnl-transaction at dropcopy event \d+\. .* realized_pnl -?0\.000000000000000001/,
      /Every check that must see the fault has found it\. Balanced as before.*: .*positions-match/,
      /Fault repaired: altered-realized-pnl-transaction/,
      /Balanced again [\d.]+ m?s after the repair, to the last digit: /,
      /^fault altered-realized-pnl-transaction: planted, found by .*; repaired, and balanced again$/,
    ]
    const places = story.map(step => lines.findIndex(line => step.test(line)))
    expect(places, told).toEqual([...places].sort((a, b) => a - b))
    expect(places).not.toContain(-1)
    const summary = lines.slice(lines.findIndex(line => /^\d+ runs in /.test(line)))
    for (const check of BUILTIN_CHECK_NAMES) {
      const saw = faultNamed('altered-realized-pnl-transaction').expect[check].verdict === 'diff'
      const verdicts = lines.filter(line => line.includes(`  ${check}  `)).map(line => line.trim().split(/ {2,}/)[2])
      expect(verdicts, told).toContain('balanced')
      expect(verdicts.includes('diff'), told).toBe(saw)
      // Each that must see it, and no other, is told of as the one that found it: there and in the summary.
      expect(
        lines.some(line => new RegExp(`Fault found [\\d.]+ m?s later by ${check}, .*: 1 (of \\d+ keys differ|finding )`).test(line)),
      ).toBe(saw)
      expect(summary.some(line => line.startsWith('fault ') && line.includes(`${check} after `))).toBe(saw)
      expect(
        summary.some(line => new RegExp(`^${check} +\\d+ balanced, \\d+ diff, 0 inconclusive$`).test(line)),
        told,
      ).toBe(true)
    }
    // Named by the check as the simulator had recorded it, whatever the account is called.
    const [, key = '?'] = /must be found by transactions-balance (account_id .*?, asset \w+), balance /.exec(told) ?? []
    expect(lines.map(line => line.trim())).toContain(key)
    expect(told).toMatch(/false differences in \d+ comparisons? without waiting.*pinned: 0$/m)
    // biome-ignore lint/suspicious/noControlCharactersInRegex: that there is none of these is what is tested.
    expect(told + running.talk()).not.toMatch(/[\u0000-\u0009\u000b-\u001f]/)
    await expectNothingLeft()
  })

  test.each([
    { name: 'Ctrl-C while accounts are being opened', when: /opening .* accounts/, end: interrupt, status: 0, summary: false },
    { name: 'Ctrl-C during a check', when: /transactions-balance +balanced/, end: interrupt, status: 0, summary: true },
    { name: 'a reader that leaves, as head does,', when: /^To look/, end: closeReader, status: 0, summary: false },
    { name: 'kill -9 while accounts are being opened', when: /opening .* accounts/, end: kill, status: null, summary: false },
  ])('$name ends it and leaves no process and no folder', async ({ when, end, status, summary }) => {
    const running = launch([])
    await untilSaid(when, running)
    family = await descendants(running.pid)
    expect(family.length).toBeGreaterThanOrEqual(5)

    end(running)

    expect(await running.exited).toBe(status)
    if (summary) expect(running.lines.join('\n')).toMatch(/^\d+ runs? in [\d.]+ m?s: [1-9]\d* balanced, 0 diff, 0 inconclusive$/m)
    await expectNothingLeft()
  })
})

function interrupt({ pid }: Demo): void {
  process.kill(-pid, 'SIGINT')
}

function closeReader({ child }: Demo): void {
  child.stdout?.destroy()
}

function kill({ child }: Demo): void {
  child.kill('SIGKILL')
}
