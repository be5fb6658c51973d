import { type Epoch, sequenceOf } from '../../epoch/epoch.ts'
import type { RowShape } from '../../epoch/row.ts'
import { renderTemplate, type SqlTemplate } from '../sql-template.ts'
import type { QueryParameters } from './connection.ts'
import type { WatermarkTable } from './watermarks.ts'

/** A select over append-only tables of ClickHouse that one side of a relation is made of. */
export interface ClickHouseQuery {
  /** What the evidence calls it. */
  readonly name: string
  /** The streams that its facts come from. */
  readonly streams: readonly string[]
  /** A select with the columns of the shape, as of `{epoch.<stream>}` of these streams; repeated deliveries are its own business. */
  readonly rows: SqlTemplate
  readonly shape: RowShape
  readonly horizon: QueryHorizon
}

/** How it is known that the tables of a select show everything up to an epoch. */
export type QueryHorizon =
  | {
      readonly strategy: 'watermark'
      readonly watermarks: WatermarkTable
      /** The name under which the sink vouches for the rows. */
      readonly watermarkName: string
      /**
       * For each stream a select of one number: the distinct facts at or below `{horizon.<stream>}`, which must be as many as the watermark says. Absent: nothing
       * proves complete what is read.
       */
      readonly counts?: Readonly<Record<string, SqlTemplate>>
    }
  | { readonly strategy: 'settle'; readonly settleMs: number }

/** The SQL with its placeholders as the names of bound parameters. */
export function renderQuery(template: SqlTemplate, streams: readonly string[]): string {
  return renderTemplate(template, ({ of, stream }) => {
    const at = streams.indexOf(stream)
    if (at === -1) throw new Error(`the SQL of a leg names stream ${stream}, which it does not declare`)
    return `{${of === 'epoch' ? 'e' : 'h'}${at}:UInt64}`
  })
}

/** The parameters of such SQL: the epoch `e0…` and the horizon `h0…`, by the place of each stream. */
export function queryParameters(streams: readonly string[], epoch: Epoch, horizon: Epoch): QueryParameters {
  return Object.fromEntries(
    streams.flatMap((stream, at) => [
      [`e${at}`, sequenceOf(epoch, stream).toString()],
      [`h${at}`, sequenceOf(horizon, stream).toString()],
    ]),
  )
}
