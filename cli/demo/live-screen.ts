import picocolors from 'picocolors'
import type { Clock } from '../../epoch/clock.ts'
import { layOutFrame, type Picture } from './frame.ts'
import { printedLine } from './line.ts'
import type { Screen } from './screen.ts'
import { terminalSize } from './terminal-size.ts'

const ROUNDS_KEPT = 200
const TOLD_KEPT = 50

/** A picture on a terminal, redrawn in place below what stood there before. `lastsMs` is how long the demo runs, where it ends by itself. */
export function liveScreen(terminal: NodeJS.WritableStream, clock: Clock, lastsMs: number | undefined): Screen {
  const paint = picocolors.createColors(true)
  const beganMs = clock.monotonicMs()
  let picture: Picture = {
    nowMs: clock.wallMs(),
    elapsedMs: 0,
    lastsMs,
    pace: undefined,
    rounds: [],
    checking: undefined,
    finding: undefined,
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
  terminal.on('resize', redrawAll)
  return {
    checking: check => change({ checking: check }),
    round: round => change({ rounds: [...picture.rounds, round].slice(-ROUNDS_KEPT), checking: undefined }),
    tell: (tone, sentence, finding) =>
      change({
        told: [...picture.told, { atMs: clock.wallMs(), tone, sentence }].slice(-TOLD_KEPT),
        ...(finding === undefined ? {} : { finding, repaired: false }),
      }),
    repaired: () => change({ repaired: true }),
    tick: pace => change({ pace }),
    close: () => {
      terminal.off('resize', redrawAll)
      change({ checking: undefined })
    },
  }
}
