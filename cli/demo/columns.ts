import { type Line, lineOf, type Shade, type Span } from './line.ts'

/** A column of a table whose widths are fixed, so that nothing moves from one redraw to the next. */
export interface Column<Row> {
  readonly title: string
  readonly width: number
  readonly align: 'left' | 'right'
  readonly cell: (row: Row) => string
  readonly shade?: (row: Row) => Shade
  /** Left out on a narrow terminal, the greatest first; 0 stays in any case. */
  readonly luxury: number
}

/** The titles of the columns that fit. */
export function titlesOf<Row>(columns: readonly Column<Row>[], width: number): Line {
  const { shown, gap } = fitting(columns, width)
  return lineOf(shown.map(column => padded(column, column.title)).join(gap), 'dim')
}

/** One row, in the columns that fit. */
export function rowOf<Row>(columns: readonly Column<Row>[], row: Row, width: number): Line {
  const { shown, gap } = fitting(columns, width)
  return shown.flatMap((column, at): Span[] => {
    const cell = { text: padded(column, column.cell(row)), shade: column.shade?.(row) ?? 'plain' }
    return at === 0 ? [cell] : [{ text: gap, shade: 'plain' }, cell]
  })
}

/** The columns that fit into so many cells, two spaces apart if there is room for that and else one. */
function fitting<Row>(columns: readonly Column<Row>[], width: number): { readonly shown: readonly Column<Row>[]; readonly gap: string } {
  let shown = columns
  for (;;) {
    const cells = shown.reduce((total, column) => total + column.width, 0)
    for (const gap of ['  ', ' ']) if (cells + (shown.length - 1) * gap.length <= width) return { shown, gap }
    const most = Math.max(...shown.map(column => column.luxury))
    if (most === 0) return { shown, gap: ' ' }
    shown = shown.filter(column => column.luxury !== most)
  }
}

function padded({ width, align }: Pick<Column<never>, 'width' | 'align'>, text: string): string {
  return align === 'left' ? text.padEnd(width) : text.padStart(width)
}
