import type { createColors } from 'picocolors'
import { widthOf } from '../terminal/table.ts'

/** How a piece of text stands out on a terminal that shows colour. */
export type Shade = 'plain' | 'dim' | 'bold' | 'green' | 'red' | 'yellow'

/** A piece of a line; its text holds no escape codes. */
export interface Span {
  readonly text: string
  readonly shade: Shade
}

/** One line of the screen, before it is cut to the terminal's width and painted. */
export type Line = readonly Span[]

/** A line that is all of one shade. */
export function lineOf(text: string, shade: Shade = 'plain'): Line {
  return [{ text, shade }]
}

/** A line as it is written, cut to so many terminal cells: a line that wraps would spoil a screen that is redrawn in place. */
export function printedLine(line: Line, width: number, paint: ReturnType<typeof createColors>): string {
  let left = width
  const printed: string[] = []
  for (const { text, shade } of line) {
    const shown = cut(text, left)
    left -= widthOf(shown)
    printed.push(shade === 'plain' ? shown : paint[shade](shown))
  }
  return printed.join('')
}

/** A line without those of its last pieces that do not fit into so many cells whole; the first piece stays in any case. */
export function wholeSpans(line: Line, width: number): Line {
  let left = width
  const firstTooLong = line.findIndex(({ text }) => {
    left -= widthOf(text)
    return left < 0
  })
  return firstTooLong === -1 ? line : line.slice(0, Math.max(1, firstTooLong))
}

/** Breaks a sentence between its words into lines of at most so many cells; all but the first begin with `indent`. A longer word stays whole. */
export function wrapWords(text: string, width: number, indent: string): readonly string[] {
  const lines: string[] = []
  let line = ''
  for (const word of text.split(' ')) {
    const longer = line === '' ? word : `${line} ${word}`
    if (line.trim() === '' || widthOf(longer) <= width) line = longer
    else {
      lines.push(line)
      line = indent + word
    }
  }
  return [...lines, line]
}

function cut(text: string, width: number): string {
  if (widthOf(text) <= width) return text
  let kept = ''
  let left = width
  for (const character of text) {
    left -= widthOf(character)
    if (left < 0) break
    kept += character
  }
  return kept
}
