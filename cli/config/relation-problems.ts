import { parseSqlTemplate, placeholdersOf } from '../../stores/sql-template.ts'
import type { FileLeg, FileRelation } from './relations.ts'
import type { ConfigPath } from './yaml-file.ts'

/** What is wrong with a relation whose keys are each well formed, and where under it. */
export interface RelationProblem {
  readonly path: ConfigPath
  readonly message: string
}

/** Everything that can be said of a relation without its stores; `deploymentStreams` are the streams that it is about if it declares none. */
export function relationProblems(relation: FileRelation, deploymentStreams: readonly string[]): readonly RelationProblem[] {
  const own = Object.keys(relation.streams)
  const streams = own.length > 0 ? own : deploymentStreams
  const legs = [
    ['left', relation.left],
    ['right', relation.right],
  ] as const
  const snapshots = legs.filter(([, { kind }]) => kind === 'snapshot').length
  return [
    ...repeatedNames(relation),
    ...Object.entries(relation.streams).flatMap(([stream, sql]) => noPlaceholders(['streams', stream], sql, 'what reads a stream')),
    ...(snapshots === 2
      ? [{ path: ['right', 'kind'], message: 'two snapshots stand at two epochs and cannot be compared; make one leg as-of' }]
      : []),
    ...legs.flatMap(([side, leg]) => legProblems(leg, streams).map(({ path, message }) => ({ path: [side, ...path], message }))),
  ]
}

function repeatedNames({ keys, values }: FileRelation): readonly RelationProblem[] {
  const all = [...keys, ...values]
  const repeated = [...new Set(all.filter((name, at) => all.indexOf(name) !== at))]
  return repeated.map(name => ({
    path: values.includes(name) ? ['values'] : ['keys'],
    message: `${name} is named twice; keys and values must have different names`,
  }))
}

function legProblems(leg: FileLeg, streams: readonly string[]): readonly RelationProblem[] {
  if (leg.kind === 'snapshot') return snapshotProblems(leg)
  const declared = leg.streams ?? streams
  const unknown = declared.flatMap((stream, at) => {
    if (streams.includes(stream)) return []
    return [{ path: ['streams', at], message: `there is no stream ${stream} in this relation (${streams.join(', ')})` }]
  })
  return [
    ...unknown,
    ...places('epoch', ['sql'], leg.sql, declared),
    ...(leg.stamps === undefined ? [] : [{ path: ['stamps'], message: 'only a snapshot is proved whole by stamps; leave them out' }]),
    ...(leg.store === 'postgres' ? logProblems(leg) : historyProblems(leg, declared)),
  ]
}

function snapshotProblems({ store, sql, stamps, streams, horizon }: FileLeg): readonly RelationProblem[] {
  const here = { path: ['kind'], message: 'a snapshot must bring its epoch, which only postgres can; make this leg as-of' }
  return [
    ...(store === 'postgres' ? [] : [here]),
    ...noPlaceholders(['sql'], sql, 'a snapshot'),
    ...(stamps === undefined ? [] : noPlaceholders(['stamps'], stamps, 'what reads stamps')),
    ...(streams ? [{ path: ['streams'], message: 'a snapshot brings all streams of its relation; leave this out' }] : []),
    ...(says(horizon) ? [{ path: ['horizon'], message: 'a snapshot waits for no horizon; leave this out' }] : []),
  ]
}

function logProblems({ horizon }: FileLeg): readonly RelationProblem[] {
  const message = 'a log in the database that brings the epoch is complete at it and waits for no horizon; leave this out'
  return says(horizon) ? [{ path: ['horizon'], message }] : []
}

function historyProblems({ sql, horizon: { watermark, rows, settle } }: FileLeg, streams: readonly string[]): readonly RelationProblem[] {
  const counted = Object.keys(rows)
  const one = 'say watermark (the table_name of the sink_watermarks to wait for) or settle (a duration), and not both'
  return [
    ...((watermark === undefined) === (settle === undefined) ? [{ path: ['horizon'], message: one }] : []),
    ...(counted.length > 0 && watermark === undefined
      ? [{ path: ['horizon', 'rows'], message: 'rows are counted against a watermark; name it' }]
      : []),
    ...(counted.length > 0
      ? streams
          .filter(stream => !counted.includes(stream))
          .map(stream => ({ path: ['horizon', 'rows'], message: `stream ${stream} is not counted; count all of them, or none` }))
      : []),
    ...Object.entries(rows).flatMap(([stream, count]) => {
      const path = ['horizon', 'rows', stream]
      if (!streams.includes(stream)) return [{ path, message: `there is no stream ${stream} in this leg (${streams.join(', ')})` }]
      return [...places('horizon', path, count, [stream]), ...noSettings(path, count)]
    }),
    ...noSettings(['sql'], sql),
  ]
}

/** SQL must name the sequence of each of its streams, and nothing else in braces. */
function places(of: 'epoch' | 'horizon', path: ConfigPath, sql: string, streams: readonly string[]): readonly RelationProblem[] {
  const template = parseSqlTemplate(sql)
  const found = placeholdersOf(template)
  const wanted = streams.map(stream => `{${of}.${stream}}`)
  const missing = wanted.filter((_, at) => !found.some(place => place.of === of && place.stream === streams[at]))
  const foreign = found.map(place => `{${place.of}.${place.stream}}`).filter(place => !wanted.includes(place))
  const upTo = `the select must say up to which sequence of each stream it reads, as in: sequence <= ${missing[0]}`
  return [
    ...(missing.length > 0 ? [{ path, message: `without ${missing.join(' and ')}; ${upTo}` }] : []),
    ...[...new Set(foreign)].map(place => ({ path, message: `${place} cannot stand here; known here: ${wanted.join(', ')}` })),
    ...strays(path, template.strays),
  ]
}

function noPlaceholders(path: ConfigPath, sql: string, what: string): readonly RelationProblem[] {
  const template = parseSqlTemplate(sql)
  const found = [...new Set(placeholdersOf(template).map(({ of, stream }) => `{${of}.${stream}}`))]
  return [
    ...found.map(place => ({ path, message: `${place} cannot stand here; ${what} is read as it is` })),
    ...strays(path, template.strays),
  ]
}

function strays(path: ConfigPath, found: readonly string[]): readonly RelationProblem[] {
  const right = 'placeholders are {epoch.STREAM} and {horizon.STREAM}, outside of quotes'
  return [...new Set(found)].map(stray => ({ path, message: `${stray} is no placeholder here; ${right}` }))
}

/** Settings in a select would override those that keep a read from being cut short. */
function noSettings(path: ConfigPath, sql: string): readonly RelationProblem[] {
  const bare = sql.replace(/'[^']*'|"[^"]*"|`[^`]*`/g, ' ')
  return /\bsettings\b/i.test(bare) ? [{ path, message: 'settings belong to recon, since they could cut a read short; take them out' }] : []
}

function says({ watermark, rows, settle }: FileLeg['horizon']): boolean {
  return watermark !== undefined || settle !== undefined || Object.keys(rows).length > 0
}
