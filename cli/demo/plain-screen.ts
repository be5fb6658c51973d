import type { Clock } from '../../epoch/clock.ts'
import { rowOf, titlesOf } from './columns.ts'
import { timeOfDay } from './figures.ts'
import { findingLines } from './finding.ts'
import { type Line, wrapWords } from './line.ts'
import { LOG_COLUMNS, LOG_LEGEND } from './run-columns.ts'
import type { Screen } from './screen.ts'

const RUNS_PER_TITLE = 30
const LEGEND_WIDTH = 80
const INDENT = ' '.repeat(10)

/**
 * Lines one after the other, without colour and without moving the cursor: for a pipe or a log, whose `width` is infinite, or for a terminal that
 * wants it so.
 */
export function plainScreen(print: (line: string) => void, clock: Clock, width: number): Screen {
  let runs = 0
  const write = (line: Line) =>
    print(
      line
        .map(({ text }) => text)
        .join('')
        .trimEnd(),
    )
  return {
    began: () => undefined,
    ran: demoRun => {
      if (runs === 0) for (const line of wrapWords(LOG_LEGEND, Math.min(width, LEGEND_WIDTH), '')) print(line)
      if (runs % RUNS_PER_TITLE === 0) write(titlesOf(LOG_COLUMNS, width))
      runs += 1
      write(rowOf(LOG_COLUMNS, demoRun, width))
    },
    tell: (_tone, sentence, finding) => {
      for (const line of wrapWords(`${timeOfDay(clock.wallMs())}  ${sentence}`, width, INDENT)) print(line)
      if (finding !== undefined)
        for (const line of findingLines(finding, width - INDENT.length)) write([{ text: INDENT, shade: 'plain' }, ...line])
    },
    repaired: () => undefined,
    tick: () => undefined,
    close: () => undefined,
  }
}
