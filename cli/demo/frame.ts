import type { Run } from '../../checks/run.ts'
import { rowOf, titlesOf } from './columns.ts'
import type { DemoRun } from './demo-run.ts'
import { counted, grouped, shortDuration, timeOfDay } from './figures.ts'
import { findingLines } from './finding.ts'
import { type Line, lineOf, type Shade, wholeSpans, wrapWords } from './line.ts'
import type { Pace } from './pace.ts'
import { type CheckRow, checkColumns, NAME_WIDTH, TABLE_LEGEND } from './run-columns.ts'
import type { Tone } from './screen.ts'

/** Everything that the picture on the terminal is made of. */
export interface Picture {
  readonly nowMs: number
  /** Since the demo began, and until it ends by itself. */
  readonly elapsedMs: number
  readonly lastsMs: number | undefined
  readonly pace: Pace | undefined
  readonly checks: readonly CheckRow[]
  /** The newest run beside which a comparison was made that does not wait. */
  readonly naive: DemoRun | undefined
  /** What the checks found of the last fault, in the order in which they found it. */
  readonly findings: readonly Run[]
  /** Whether what was found has been repaired since. */
  readonly repaired: boolean
  readonly told: readonly { readonly atMs: number; readonly tone: Tone; readonly sentence: string }[]
}

type Block = readonly Line[]

const BLANK = lineOf('')
const SHADES = { news: 'plain', good: 'green', bad: 'red', doubt: 'yellow' } as const satisfies Record<Tone, Shade>
const TIME_WIDTH = 10

/**
 * Lays the picture out for a terminal: at most `height` lines; each may still be too long for `width` and is to be cut. The table comes first, then the newest
 * of what was told, then the first finding, and for the rest there is what room is left: the comparison that does not wait, the legend, further findings, and
 * what was told before. Whatever is shown below the table is shown from its beginning to its end.
 */
export function layOutFrame(picture: Picture, width: number, height: number): readonly Line[] {
  const table = [headLine(picture, width), BLANK, ...tableLines(picture, width)]
  const notes = toldNotes(picture, width)
  const [first, ...others] = picture.findings.map(run => [BLANK, ...findingLines(run, width, picture.repaired)])
  // The blank line before what was told, and its newest note.
  let left = height - table.length - 1 - (notes.at(-1)?.length ?? 0) - (first?.length ?? 0)
  const ifThereIsRoom = (block: Block): Block => {
    if (block.length > left) return []
    left -= block.length
    return block
  }
  const naive = ifThereIsRoom(naiveLines(picture, width))
  const legend = ifThereIsRoom([BLANK, ...wrapWords(TABLE_LEGEND, width, '').map(line => lineOf(line, 'dim'))])
  const further = others.flatMap(ifThereIsRoom)
  return [...table, ...naive, ...legend, ...(first ?? []), ...further, BLANK, ...newestNotes(notes, left)].slice(0, height)
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

function tableLines({ checks, nowMs }: Picture, width: number): Block {
  const columns = checkColumns(nowMs)
  return [
    titlesOf(columns, width),
    ...checks.map(row =>
      row.leftOut === undefined ? rowOf(columns, row, width) : lineOf(`${row.check.padEnd(NAME_WIDTH)} left out: ${row.leftOut}`, 'dim'),
    ),
  ]
}

function naiveLines({ naive }: Picture, width: number): Block {
  if (naive?.unpinnedDifferences === undefined || naive.eventsApart === undefined) return []
  const { run, eventsApart, unpinnedDifferences } = naive
  const words = `At the newest epoch of ${run.check} ClickHouse did not show ${counted(eventsApart, 'event')} yet; a comparison that does not wait would have called ${counted(unpinnedDifferences, 'key')} different.`
  return [BLANK, ...wrapWords(words, width, '').map(line => lineOf(line))]
}

function toldNotes({ told }: Picture, width: number): readonly Block[] {
  return told.map(({ atMs, tone, sentence }) =>
    wrapWords(sentence, width - TIME_WIDTH, '').map((text, at) => [
      { text: (at === 0 ? timeOfDay(atMs) : '').padEnd(TIME_WIDTH), shade: 'dim' as const },
      { text, shade: SHADES[tone] },
    ]),
  )
}

/** The newest note, and those before it that fit into so many lines beside it. */
function newestNotes(notes: readonly Block[], lines: number): Block {
  let story = notes.at(-1) ?? []
  let left = lines
  for (const note of notes.slice(0, -1).reverse()) {
    left -= note.length
    if (left < 0) break
    story = [...note, ...story]
  }
  return story
}

function minutes(ms: number): string {
  const seconds = Math.floor(ms / 1_000)
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`
}
