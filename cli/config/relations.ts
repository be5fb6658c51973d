import type { z } from 'zod'
import type { CustomHorizon, CustomLeg, CustomRelation } from '../../checks/custom/custom-relation.ts'
import { duration, flag, identifier, isStreamName, leaf, oneOf, text } from './leaf.ts'
import { isOneSelect } from './one-select.ts'
import { relationProblems } from './relation-problems.ts'
import { list, named, section } from './section.ts'

/** One relation of the file after validation. */
export type FileRelation = z.infer<ReturnType<typeof fields>>
/** One leg of such a relation. */
export type FileLeg = FileRelation['left']

/** What a relation of the file may say. `deploymentStreams` are the streams that it is about if it declares none of its own. */
export function relation(deploymentStreams: readonly string[]) {
  return fields().superRefine((found, context) => {
    for (const { path, message } of relationProblems(found, deploymentStreams)) {
      context.addIssue({ code: 'custom', path: [...path], message })
    }
  })
}

function fields() {
  return section({
    description: text('one sentence that says what it proves'),
    keys: list(identifier()).min(1, 'name at least one key, since rows are matched by key').prefault([]),
    values: list(identifier()).min(1, 'name at least one value, since there is nothing to compare').prefault([]),
    aggregating: flag().prefault(false),
    streams: named(isStreamName, 'a stream name (letters, digits, _ and -)', select()),
    left: leg(),
    right: leg(),
  })
}

function leg() {
  return section({
    store: oneOf(['postgres', 'clickhouse']),
    kind: oneOf(['snapshot', 'as-of']),
    sql: select(),
    stamps: select().optional(),
    streams: list(text('the name of a stream')).min(1, 'name at least one stream, or leave it out for all of them').optional(),
    horizon: section({
      watermark: text('the table_name under which the sink writes its watermarks').optional(),
      rows: named(isStreamName, 'a stream name (letters, digits, _ and -)', select()),
      settle: duration('0s').optional(),
    }),
  })
}

function select() {
  return leaf('one select without semicolon or comment, its quotes and parentheses closed', value =>
    typeof value === 'string' && isOneSelect(value) ? value.trim() : undefined,
  )
}

/** The relation that the file declares under a name; `streams` are those of the deployment. */
export function customRelation(name: string, file: FileRelation, streams: Readonly<Record<string, string>>): CustomRelation {
  const own = Object.keys(file.streams).length > 0 ? file.streams : streams
  const { description, keys, values, aggregating } = file
  const legs = { left: customLeg(file.left, Object.keys(own)), right: customLeg(file.right, Object.keys(own)) }
  return { name, description, keys, values, aggregating, streams: own, ...legs }
}

function customLeg({ store, kind, sql, stamps, streams: named, horizon }: FileLeg, all: readonly string[]): CustomLeg {
  const streams = named ?? all
  if (store === 'clickhouse') return { store, kind: 'as-of', sql, streams, horizon: customHorizon(horizon) }
  return kind === 'snapshot' ? { store, kind, sql, stamps } : { store, kind, sql, streams }
}

function customHorizon({ watermark, rows, settle = 0 }: FileLeg['horizon']): CustomHorizon {
  if (watermark === undefined) return { strategy: 'settle', settleMs: settle }
  return { strategy: 'watermark', watermark, rows: Object.keys(rows).length > 0 ? rows : undefined }
}
