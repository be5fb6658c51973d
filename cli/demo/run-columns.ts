import type { Verdict } from '../../epoch/verdict.ts'
import { checkNames } from '../../sim/faults/expectation.ts'
import { escapeName } from '../terminal/escape.ts'
import type { Column } from './columns.ts'
import type { DemoRun } from './demo-run.ts'
import { grouped, shortDuration, timeOfDay } from './figures.ts'
import type { Shade } from './line.ts'

const SHADES = { balanced: 'green', diff: 'red', inconclusive: 'yellow' } as const satisfies Record<Verdict, Shade>

/** The longest name of a check. */
export const NAME_WIDTH = Math.max(...checkNames.map(name => name.length))

/** What is shown of a run wherever one is. */
const VERDICT: Column<DemoRun> = {
  title: 'verdict',
  width: 12,
  align: 'left',
  luxury: 0,
  cell: ({ run }) => run.verdict,
  shade: ({ run }) => SHADES[run.verdict],
}
const DROPCOPY: Column<DemoRun> = {
  title: 'dropcopy',
  width: 8,
  align: 'right',
  luxury: 0,
  cell: ({ run }) => run.epoch?.['dropcopy'] ?? '-',
}
const CASH: Column<DemoRun> = { title: 'cash', width: 6, align: 'right', luxury: 3, cell: ({ run }) => run.epoch?.['cash'] ?? '-' }
const KEYS: Column<DemoRun> = { title: 'keys', width: 6, align: 'right', luxury: 0, cell: ({ run }) => grouped(run.keysCompared) }
const DIFFER: Column<DemoRun> = {
  title: 'differ',
  width: 6,
  align: 'right',
  luxury: 0,
  // A fact may be wrong where the sums over all keys agree.
  cell: ({ run }) => (run.mismatchCount === '0' ? grouped(run.findings.length) : grouped(run.mismatchCount)),
}
const WAITED: Column<DemoRun> = {
  title: 'waited',
  width: 6,
  align: 'right',
  luxury: 2,
  cell: ({ run }) => shortDuration(run.horizon.waitedMs),
}
const TOOK: Column<DemoRun> = { title: 'took', width: 6, align: 'right', luxury: 0, cell: ({ run }) => shortDuration(run.durationMs.total) }

/** The columns of a log of runs, one line each. */
export const LOG_COLUMNS: readonly Column<DemoRun>[] = [
  { title: 'time UTC', width: 8, align: 'left', luxury: 0, cell: ({ finishedAtMs }) => timeOfDay(finishedAtMs) },
  { title: 'check', width: NAME_WIDTH, align: 'left', luxury: 0, cell: ({ run }) => escapeName(run.check) },
  VERDICT,
  DROPCOPY,
  CASH,
  KEYS,
  DIFFER,
  { title: 'apart', width: 6, align: 'right', luxury: 4, cell: ({ eventsApart }) => countOf(eventsApart) },
  { title: 'naive', width: 6, align: 'right', luxury: 4, cell: ({ unpinnedDifferences }) => countOf(unpinnedDifferences) },
  WAITED,
  { ...TOOK, luxury: 1 },
]

/** What those columns say that their titles cannot. */
export const LOG_LEGEND =
  'dropcopy and cash: the epoch, or that of the mark cycle. differ: keys. apart: dropcopy events that PostgreSQL had at that epoch and ClickHouse did not show ' +
  'yet. naive: keys that a comparison which does not wait would have called different at that moment.'

/** A check on the live table: its newest run, whether another is under way, or why it is left out. */
export interface CheckRow {
  readonly check: string
  readonly latest: DemoRun | undefined
  readonly underWay: boolean
  readonly leftOut: string | undefined
}

/** The columns of the table that has one row for each check; ages are counted to `nowMs`. */
export function checkColumns(nowMs: number): readonly Column<CheckRow>[] {
  return [
    { title: 'check', width: NAME_WIDTH, align: 'left', luxury: 0, cell: ({ check }) => check },
    ...[VERDICT, DROPCOPY, CASH, KEYS, DIFFER, WAITED, TOOK].map(ofLatest),
    { title: 'age', width: 5, align: 'right', luxury: 0, cell: row => ageText(row, nowMs) },
  ]
}

/** What the columns of that table say that their titles cannot. */
export const TABLE_LEGEND =
  'dropcopy: the epoch of the newest run, or of the mark cycle that it proved. age: since it ended; ... stands for the next one being under way.'

function ofLatest(column: Column<DemoRun>): Column<CheckRow> {
  const { title, width, align, luxury } = column
  return {
    title,
    width,
    align,
    luxury,
    cell: ({ latest }) => (latest === undefined ? '' : column.cell(latest)),
    shade: ({ latest }) => (latest === undefined ? 'plain' : (column.shade?.(latest) ?? 'plain')),
  }
}

function ageText({ latest, underWay }: CheckRow, nowMs: number): string {
  if (underWay) return '...'
  if (latest === undefined) return ''
  const seconds = Math.max(0, Math.round((nowMs - latest.finishedAtMs) / 1_000))
  return seconds < 100 ? `${seconds} s` : `${Math.round(seconds / 60)} m`
}

function countOf(count: bigint | undefined): string {
  return count === undefined ? '-' : grouped(count)
}
