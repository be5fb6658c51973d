import type { Run } from '../../checks/run.ts'
import { grouped, shortDuration, timeOfDay } from './figures.ts'
import { findingLines } from './finding.ts'
import { type Line, lineOf, type Shade, wrapWords } from './line.ts'
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
const ROUNDS_MIN = 3
const SHADES = { news: 'plain', good: 'green', bad: 'red', doubt: 'yellow' } as const satisfies Record<Tone, Shade>
const TIME_WIDTH = 10

/** Lays the picture out for a terminal: at most `height` lines; each may still be too long for `width` and is to be cut. */
export function layOutFrame(picture: Picture, width: number, height: number): readonly Line[] {
  const legend = wrapWords(TABLE_LEGEND, width, '').map(line => lineOf(line, 'dim'))
  const finding = picture.finding === undefined ? [] : [BLANK, ...latestFinding(picture.finding, picture.repaired)]
  const fixed = 1 + 1 + 1 + 1 + 1 + legend.length + finding.length + 1
  const told = toldLines(picture, width)
  const rows = Math.max(ROUNDS_MIN, height - fixed - Math.min(told.length, Math.floor((height - fixed) / 2)))
  const shown = picture.rounds.slice(-rows)
  const story = told.slice(-Math.max(1, height - fixed - shown.length))
  return [
    headLine(picture),
    BLANK,
    titleLine(width),
    ...shown.map(round => roundLine(round, width)),
    picture.checking === undefined ? BLANK : lineOf(`${timeOfDay(picture.nowMs)}  ${picture.checking} ...`, 'dim'),
    BLANK,
    ...legend,
    ...finding,
    BLANK,
    ...story,
  ].slice(0, height)
}

function headLine({ pace, elapsedMs, lastsMs }: Picture): Line {
  const time = lastsMs === undefined ? minutes(elapsedMs) : `${minutes(elapsedMs)} of ${minutes(lastsMs)}`
  const speed =
    pace === undefined ? '' : `${grouped(Math.round(pace.eventsPerSecond))} events/s, ClickHouse ${shortDuration(pace.sinkLagMs)} behind`
  return [
    { text: 'recon demo', shade: 'bold' },
    { text: `  ${time}  ${speed}  `, shade: 'plain' },
    { text: 'Ctrl-C ends it', shade: 'dim' },
  ]
}

function latestFinding(run: Run, repaired: boolean): readonly Line[] {
  const [head = BLANK, ...evidence] = findingLines(run)
  return [repaired ? [...head, { text: ', repaired since', shade: 'green' }] : head, ...evidence]
}

function toldLines({ told }: Picture, width: number): readonly Line[] {
  return told.flatMap(({ atMs, tone, sentence }) =>
    wrapWords(sentence, width - TIME_WIDTH, '').map((text, at) => [
      { text: (at === 0 ? timeOfDay(atMs) : '').padEnd(TIME_WIDTH), shade: 'dim' as const },
      { text, shade: SHADES[tone] },
    ]),
  )
}

function minutes(ms: number): string {
  const seconds = Math.floor(ms / 1_000)
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`
}
