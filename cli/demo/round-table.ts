import type { Verdict } from '../../epoch/verdict.ts'
import { escapeName } from '../terminal/escape.ts'
import { grouped, shortDuration, timeOfDay } from './figures.ts'
import { type Line, lineOf, type Shade, type Span } from './line.ts'
import type { Round } from './round.ts'

/** A column of the table of rounds. Widths are fixed, so that nothing moves from one redraw to the next. */
interface Column {
  readonly title: string
  readonly width: number
  readonly align: 'left' | 'right'
  readonly cell: (round: Round) => string
  /** Left out on a narrow terminal, the greatest first. */
  readonly luxury: number
}

const COLUMNS: readonly Column[] = [
  { title: 'time UTC', width: 8, align: 'left', luxury: 0, cell: round => timeOfDay(round.finishedAtMs) },
  { title: 'check', width: 20, align: 'left', luxury: 3, cell: ({ run }) => escapeName(run.check) },
  { title: 'verdict', width: 12, align: 'left', luxury: 0, cell: ({ run }) => run.verdict },
  { title: 'dropcopy', width: 8, align: 'right', luxury: 0, cell: ({ run }) => run.epoch?.['dropcopy'] ?? '-' },
  { title: 'cash', width: 6, align: 'right', luxury: 0, cell: ({ run }) => run.epoch?.['cash'] ?? '-' },
  { title: 'keys', width: 6, align: 'right', luxury: 0, cell: ({ run }) => grouped(run.keysCompared) },
  { title: 'events/s', width: 8, align: 'right', luxury: 2, cell: ({ pace }) => grouped(Math.round(pace.eventsPerSecond)) },
  { title: 'lag', width: 6, align: 'right', luxury: 1, cell: ({ pace }) => shortDuration(pace.sinkLagMs) },
  {
    title: 'apart',
    width: 6,
    align: 'right',
    luxury: 0,
    cell: ({ eventsApart }) => (eventsApart === undefined ? '-' : grouped(eventsApart)),
  },
  { title: 'naive', width: 6, align: 'right', luxury: 0, cell: round => unpinnedText(round) },
  { title: 'waited', width: 6, align: 'right', luxury: 0, cell: ({ run }) => shortDuration(run.horizon.waitedMs) },
  { title: 'took', width: 6, align: 'right', luxury: 0, cell: ({ run }) => shortDuration(run.durationMs.total) },
]

const GAP = '  '
const SHADES = { balanced: 'green', diff: 'red', inconclusive: 'yellow' } as const satisfies Record<Verdict, Shade>

/** What the columns say that their titles cannot. */
export const TABLE_LEGEND =
  'dropcopy and cash: the epoch. apart: dropcopy events that PostgreSQL had at that epoch and ClickHouse did not show yet. ' +
  'naive: keys that a comparison which does not wait would have called different at that moment.'

/** The titles of the columns that fit. */
export function titleLine(width: number): Line {
  return lineOf(
    fitting(width)
      .map(column => padded(column, column.title))
      .join(GAP),
    'dim',
  )
}

/** One round as a row, in the columns that fit. */
export function roundLine(round: Round, width: number): Line {
  const cells = fitting(width).map((column): Span => {
    const shade = column.title === 'verdict' ? SHADES[round.run.verdict] : 'plain'
    return { text: padded(column, column.cell(round)), shade }
  })
  return cells.flatMap((cell, at) => (at === 0 ? [cell] : [{ text: GAP, shade: 'plain' } as const, cell]))
}

function fitting(width: number): readonly Column[] {
  let columns = COLUMNS
  while (widthOfAll(columns) > width) {
    const most = Math.max(...columns.map(column => column.luxury))
    if (most === 0) break
    columns = columns.filter(column => column.luxury !== most)
  }
  return columns
}

function widthOfAll(columns: readonly Column[]): number {
  return columns.reduce((total, column) => total + column.width, (columns.length - 1) * GAP.length)
}

function padded({ width, align }: Column, text: string): string {
  return align === 'left' ? text.padEnd(width) : text.padStart(width)
}

function unpinnedText({ unpinnedDifferences }: Round): string {
  return unpinnedDifferences === undefined ? '-' : grouped(unpinnedDifferences)
}
