import type { Run } from '../../checks/run.ts'
import { grouped, shortDuration, timeOfDay } from './figures.ts'
import { findingLines } from './finding.ts'
import { type Line, lineOf, type Shade, wholeSpans, wrapWords } from './line.ts'
import type { Pace } from './pace.ts'
import type { Round } from './round.ts'
import { roundLine, TABLE_LEGEND, titleLine } from './round-table.ts'
import type { Tone } from './screen.ts'

/** Everything that the picture on the terminal is made of. */
export interface Picture {
  readonly nowMs: number
  /** Since the demo began, and until it ends by itself. */
  readonly elapsedMs: number
  readonly lastsMs: number | undefined
  readonly pace: Pace | undefined
  readonly rounds: readonly Round[]
  readonly checking: string | undefined
  readonly finding: Run | undefined
  /** Whether what was found has been repaired since. */
  readonly repaired: boolean
  readonly told: readonly { readonly atMs: number; readonly tone: Tone; readonly sentence: string }[]
}

const BLANK = lineOf('')
/** The head, a blank, the titles, the check that runs, and a blank before what was told. */
const FIXED = 5
const ROUNDS_MIN = 3
const SHADES = { news: 'plain', good: 'green', bad: 'red', doubt: 'yellow' } as const satisfies Record<Tone, Shade>
const TIME_WIDTH = 10

/**
 * Lays the picture out for a terminal: at most `height` lines; each may still be too long for `width` and is to be cut. Of what was told there are
 * the newest notes that fit, each from its beginning to its end; for the newest the legend goes, and then all rounds but one.
 */
export function layOutFrame(picture: Picture, width: number, height: number): readonly Line[] {
  const explained = [BLANK, ...wrapWords(TABLE_LEGEND, width, '').map(line => lineOf(line, 'dim'))]
  const finding = picture.finding === undefined ? [] : [BLANK, ...findingLines(picture.finding, width, picture.repaired)]
  const notes = toldNotes(picture, width)
  const newest = notes.at(-1)?.length ?? 0
  const room = height - FIXED - finding.length
  const legend = room - explained.length >= ROUNDS_MIN + newest ? explained : []
  const left = room - legend.length
  const story = newestNotes(notes, Math.max(Math.min(Math.floor(left / 2), left - ROUNDS_MIN), left - picture.rounds.length))
  const shown = picture.rounds.slice(-Math.max(1, left - story.length))
  return [
    headLine(picture, width),
    BLANK,
    titleLine(width),
    ...shown.map(round => roundLine(round, width)),
    picture.checking === undefined ? BLANK : lineOf(`${timeOfDay(picture.nowMs)}  ${picture.checking} ...`, 'dim'),
    ...legend,
    ...finding,
    BLANK,
    ...story,
  ].slice(0, height)
}

function headLine({ pace, elapsedMs, lastsMs }: Picture, width: number): Line {
  // The demo may go on a little to tell its story to the end.
  const time = lastsMs === undefined ? minutes(elapsedMs) : `${minutes(Math.min(elapsedMs, lastsMs))} of ${minutes(lastsMs)}`
  const speed =
    pace === undefined ? '' : `  ${grouped(Math.round(pace.eventsPerSecond))} events/s, ClickHouse ${shortDuration(pace.sinkLagMs)} behind`
  return wholeSpans(
    [
      { text: 'recon demo', shade: 'bold' },
      { text: `  ${time}`, shade: 'plain' },
      { text: speed, shade: 'plain' },
      { text: '  Ctrl-C ends it', shade: 'dim' },
    ],
    width,
  )
}

function toldNotes({ told }: Picture, width: number): readonly (readonly Line[])[] {
  return told.map(({ atMs, tone, sentence }) =>
    wrapWords(sentence, width - TIME_WIDTH, '').map((text, at) => [
      { text: (at === 0 ? timeOfDay(atMs) : '').padEnd(TIME_WIDTH), shade: 'dim' as const },
      { text, shade: SHADES[tone] },
    ]),
  )
}

/** The newest note, and those before it that fit with it into so many lines. */
function newestNotes(notes: readonly (readonly Line[])[], lines: number): readonly Line[] {
  let story = notes.at(-1) ?? []
  for (const note of notes.slice(0, -1).reverse()) {
    if (note.length + story.length > lines) break
    story = [...note, ...story]
  }
  return story
}

function minutes(ms: number): string {
  const seconds = Math.floor(ms / 1_000)
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`
}
