import picocolors from 'picocolors'
import type { Clock } from '../../epoch/clock.ts'
import type { DemoRun } from './demo-run.ts'
import { layOutFrame, type Picture } from './frame.ts'
import { printedLine } from './line.ts'
import type { CheckRow } from './run-columns.ts'
import type { Screen, ShownCheck } from './screen.ts'
import { terminalSize } from './terminal-size.ts'

const TOLD_KEPT = 50

/** A picture on a terminal, redrawn in place below what stood there before. `lastsMs` is how long the demo runs, where it ends by itself. */
export function liveScreen(
  terminal: NodeJS.WritableStream,
  clock: Clock,
  checks: readonly ShownCheck[],
  lastsMs: number | undefined,
): Screen {
  const paint = picocolors.createColors(true)
  const beganMs = clock.monotonicMs()
  let picture: Picture = {
    nowMs: clock.wallMs(),
    elapsedMs: 0,
    lastsMs,
    pace: undefined,
    checks: checks.map(({ name, leftOut }) => ({ check: name, latest: undefined, underWay: false, leftOut })),
    naive: undefined,
    findings: [],
    repaired: false,
    told: [],
  }
  let drawn = 0
  const draw = () => {
    const { columns, rows } = terminalSize(terminal)
    picture = { ...picture, nowMs: clock.wallMs(), elapsedMs: clock.monotonicMs() - beganMs }
    const lines = layOutFrame(picture, columns, rows - 1)
    const up = drawn === 0 ? '' : `\u001b[${drawn}A`
    // In one write, and over the old picture rather than after erasing it: no flicker.
    terminal.write(`${up}${lines.map(line => `\r${printedLine(line, columns, paint)}\u001b[K\n`).join('')}\u001b[J`)
    drawn = lines.length
  }
  const redrawAll = () => {
    // The terminal has wrapped the old lines anew, so nobody knows where they are.
    terminal.write('\u001b[2J\u001b[H')
    drawn = 0
    draw()
  }
  const change = (changes: Partial<Picture>) => {
    picture = { ...picture, ...changes }
    draw()
  }
  const changed = (check: string, changes: Partial<CheckRow>) =>
    picture.checks.map(row => (row.check === check ? { ...row, ...changes } : row))
  terminal.on('resize', redrawAll)
  return {
    began: check => change({ checks: changed(check, { underWay: true }) }),
    ran: demoRun =>
      change({ checks: changed(demoRun.run.check, { latest: demoRun, underWay: false }), naive: naiveOf(demoRun) ?? picture.naive }),
    tell: (tone, sentence, finding) =>
      change({
        told: [...picture.told, { atMs: clock.wallMs(), tone, sentence }].slice(-TOLD_KEPT),
        ...(finding === undefined ? {} : { findings: [...(picture.repaired ? [] : picture.findings), finding], repaired: false }),
      }),
    repaired: () => change({ repaired: true }),
    tick: pace => change({ pace }),
    close: () => {
      terminal.off('resize', redrawAll)
      change({ checks: picture.checks.map(row => ({ ...row, underWay: false })) })
    },
  }
}

function naiveOf(demoRun: DemoRun): DemoRun | undefined {
  return demoRun.unpinnedDifferences === undefined ? undefined : demoRun
}
