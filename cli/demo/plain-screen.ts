import type { Clock } from '../../epoch/clock.ts'
import { timeOfDay } from './figures.ts'
import { findingLines } from './finding.ts'
import type { Line } from './line.ts'
import { roundLine, titleLine } from './round-table.ts'
import type { Screen } from './screen.ts'

const ROUNDS_PER_TITLE = 10

/** Lines one after the other, without colour and without moving the cursor: for a pipe, a log, or a terminal that wants it so. */
export function plainScreen(print: (line: string) => void, clock: Clock): Screen {
  let rounds = 0
  const write = (line: Line) =>
    print(
      line
        .map(({ text }) => text)
        .join('')
        .trimEnd(),
    )
  return {
    checking: () => undefined,
    round: round => {
      if (rounds % ROUNDS_PER_TITLE === 0) write(titleLine(Number.POSITIVE_INFINITY))
      rounds += 1
      write(roundLine(round, Number.POSITIVE_INFINITY))
    },
    tell: (_tone, sentence, finding) => {
      print(`${timeOfDay(clock.wallMs())}  ${sentence}`)
      if (finding !== undefined) for (const line of findingLines(finding)) write([{ text: ' '.repeat(10), shade: 'plain' }, ...line])
    },
    repaired: () => undefined,
    tick: () => undefined,
    close: () => undefined,
  }
}
