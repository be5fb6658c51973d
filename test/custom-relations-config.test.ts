import { describe, expect, it } from 'vitest'
import { chooseChecks } from '../cli/check/choose-checks.ts'
import { configToJson, configToYaml } from '../cli/config/print.ts'
import { parseSqlTemplate, placeholdersOf, renderTemplate } from '../stores/sql-template.ts'
import { configOf, documentBlocks, problemsOf } from './support/relations.ts'

const EXAMPLES = documentBlocks('yaml')

/** A recon.yaml with one relation, whose right leg is the given one. */
function withRight(right: string, more = ''): string {
  return `relations:
  mine:
    description: mine
    keys: [asset]
    values: [total]
    left: { store: postgres, kind: snapshot, sql: "select asset, total from t" }
    right: ${right}
${more}`
}

const RIGHT = `{ store: postgres, kind: as-of, sql: "select asset, total from l where s <= {epoch.dropcopy} or c <= {epoch.cash}" }`

describe('relations of recon.yaml', () => {
  it('are those of the document, all of which is accepted', () => {
    const names = EXAMPLES.flatMap(yaml => Object.keys(configOf(yaml).config.relations))
    expect(names).toEqual(['accounts-match-history', 'fees-match'])
  })

  it('are pinned to the streams of the deployment unless they declare their own', () => {
    const [own, deployment] = EXAMPLES.map(yaml => Object.values(configOf(yaml).config.relations)[0])
    expect(own?.streams).toEqual({ bench: 'select max(sequence) from pgbench_history' })
    expect(Object.keys(deployment?.streams ?? {})).toEqual(['dropcopy', 'cash'])
    expect(own?.right).toMatchObject({ streams: ['bench'] })
  })

  it('are checks: chosen by name or with all, scheduled and bounded like the others', () => {
    const { config } = configOf(`${withRight(RIGHT)}checks: { mine: { timeout: 7s, horizon: { timeout: 3s } } }\n`)
    expect(config.checks['mine']).toMatchObject({ enabled: true, timeoutMs: 7000, horizon: { timeoutMs: 3000 } })
    expect(chooseChecks(['mine'], false, config)).toEqual(['mine'])
    expect(chooseChecks([], true, config).at(-1)).toBe('mine')
    const { config: disabled } = configOf(`${withRight(RIGHT)}checks: { mine: { enabled: false } }\n`)
    expect(chooseChecks([], true, disabled)).not.toContain('mine')
    expect(() => chooseChecks(['mnie'], false, config)).toThrow('did you mean "mine"?')
  })

  it('are printed so that what is printed says the same, each value with its origin', () => {
    for (const yaml of EXAMPLES) {
      const loaded = configOf(yaml)
      const printed = configToYaml(loaded)
      expect(printed).toMatch(/sql: .* # recon\.yaml:\d+/)
      expect(configOf(printed).config).toEqual(loaded.config)
      expect(configToJson(loaded)).toContain('"relations":{')
    }
  })

  it('may not wait by what a check of the product waits by', () => {
    expect(problemsOf(`${withRight(RIGHT)}checks: { mine: { horizon: { strategy: settle } } }\n`)).toEqual([
      expect.stringMatching(/^recon\.yaml:8:\d+: checks\.mine\.horizon\.strategy: unknown key/),
    ])
  })

  it.each([
    ['{ store: mysql, kind: as-of, sql: select 1 }', ['right.store: "mysql" is not one of: postgres, clickhouse']],
    [`{ store: postgres, kind: as-of, sql: "select 1; drop table t" }`, ['right.sql: "select 1; drop table t" is not one select without']],
    [`{ store: postgres, kind: as-of, sql: "select 1) as r, (select 2" }`, ['right.sql: "select 1) as r, (select 2" is not one select']],
    [
      '{ store: postgres, kind: as-of, sql: "select 1 from l where s <= {epoch.dropcopy}" }',
      ['right.sql: without {epoch.cash}; the select must say up to which sequence of each stream it reads'],
    ],
    [
      `{ store: postgres, kind: as-of, streams: [dropcopy], sql: "select 1 from l where s <= '{epoch.dropcopy}'" }`,
      ['right.sql: without {epoch.dropcopy};', 'right.sql: {epoch.dropcopy} is no placeholder here; placeholders are'],
    ],
    [
      '{ store: postgres, kind: as-of, streams: [dropcopy], sql: "select {epoch.dropcopy}, {epoch.cash}, {epoch}, {s:UInt64}" }',
      [
        'right.sql: {epoch.cash} cannot stand here; known here: {epoch.dropcopy}',
        'right.sql: {epoch} is no placeholder here',
        'right.sql: {s:UInt64} is no placeholder here',
      ],
    ],
    [
      '{ store: postgres, kind: as-of, streams: [dropcopi], sql: "select {epoch.dropcopi}" }',
      ['right.streams.0: there is no stream dropcopi in this relation (dropcopy, cash)'],
    ],
    [
      '{ store: postgres, kind: as-of, stamps: select 1, horizon: { settle: 1s }, sql: "select {epoch.dropcopy}, {epoch.cash}" }',
      ['right.stamps: only a snapshot', 'right.horizon: a log in the database that brings the epoch is complete at it'],
    ],
    ['{ store: postgres, kind: snapshot, sql: select 1 }', ['right.kind: two snapshots stand at two epochs']],
    [
      '{ store: clickhouse, kind: snapshot, sql: "select {epoch.cash}" }',
      [
        'right.kind: two snapshots',
        'right.kind: a snapshot must bring its epoch, which only postgres can',
        'right.sql: {epoch.cash} cannot stand here',
      ],
    ],
    ['{ store: clickhouse, kind: as-of, sql: "select {epoch.dropcopy}, {epoch.cash}" }', ['right.horizon: say watermark']],
    [
      '{ store: clickhouse, kind: as-of, sql: "select {epoch.dropcopy}, {epoch.cash}", horizon: { watermark: w, settle: 1s } }',
      ['right.horizon: say watermark'],
    ],
    [
      `{ store: clickhouse, kind: as-of, sql: "select {epoch.dropcopy}, {epoch.cash} settings max_rows_to_read = 1", horizon: { settle: 1s } }`,
      ['right.sql: settings belong to recon'],
    ],
    [
      `{ store: clickhouse, kind: as-of, sql: "select {epoch.dropcopy}, {epoch.cash}", horizon: { watermark: w, rows: { dropcopy: "select {epoch.dropcopy}", x: select 1 } } }`,
      [
        'right.horizon.rows: stream cash is not counted; count all of them, or none',
        'right.horizon.rows.dropcopy: without {horizon.dropcopy}',
        'right.horizon.rows.dropcopy: {epoch.dropcopy} cannot stand here',
        'right.horizon.rows.x: there is no stream x in this leg',
      ],
    ],
    [
      '{ store: clickhouse, kind: as-of, slq: select 1, sql: select 1 }',
      [
        'right.horizon: say watermark',
        'right.slq: unknown key; did you mean "sql"?',
        'right.sql: without {epoch.dropcopy} and {epoch.cash};',
      ],
    ],
    ['{}', ['right.store: nothing is not one of', 'right.kind: nothing is not one of', 'right.sql: nothing is not one select']],
  ])('refuse the leg %s', (right, expected) => {
    const problems = problemsOf(withRight(right))
    expect(problems.map(problem => problem.replace(/^recon\.yaml:\d+:\d+: relations\.mine\./, ''))).toEqual(
      expected.map(start => expect.stringContaining(start)),
    )
  })

  it('tell everything that is wrong at once, each at its line', () => {
    expect(
      problemsOf(`relations:
  positions-match: { description: taken }
  Mine: { description: misnamed }
  empty: { description: x, keys: [], left: { store: postgres, kind: snapshot, sql: select 1 } }
  twice:
    description: x
    keys: [a, b, a]
    values: [b]
    left: { store: postgres, kind: snapshot, sql: select 1, streams: [cash] }
    right: ${RIGHT}
`),
    ).toEqual([
      expect.stringMatching(/^recon\.yaml:2:3: relations\.positions-match: "positions-match" is not a name for a relation/),
      expect.stringMatching(/^recon\.yaml:3:3: relations\.Mine: "Mine" is not a name for a relation/),
      expect.stringMatching(/^recon\.yaml:4:3: relations\.empty\.values: name at least one value/),
      expect.stringMatching(/^recon\.yaml:4:3: relations\.empty\.right\.store: nothing is not/),
      expect.stringMatching(/^recon\.yaml:4:3: relations\.empty\.right\.kind: nothing is not/),
      expect.stringMatching(/^recon\.yaml:4:3: relations\.empty\.right\.sql: nothing is not/),
      expect.stringMatching(/^recon\.yaml:4:28: relations\.empty\.keys: name at least one key/),
      expect.stringMatching(/^recon\.yaml:7:\d+: relations\.twice\.keys: a is named twice/),
      expect.stringMatching(/^recon\.yaml:8:\d+: relations\.twice\.values: b is named twice/),
      expect.stringMatching(/^recon\.yaml:9:\d+: relations\.twice\.left\.streams: a snapshot brings all streams/),
    ])
  })

  it.each([
    '[1]',
    '{ x: 5 }',
    '{ x: { keys: 5, values: [5], description: [], left: text, right: [] } }',
    '{ x: { streams: 7, left: { streams: 5, horizon: 1, stamps: {} }, right: { horizon: { rows: [1], watermark: {}, settle: soon } } } }',
    '{ x: { streams: { "a b": 1 }, keys: [{}], aggregating: 1 } }',
  ])('are refused, and nothing breaks, where they are %s', relations => {
    expect(problemsOf(`relations: ${relations}\n`).length).toBeGreaterThan(0)
  })

  it('may not give one name to two streams, since recon remembers how high each has been', () => {
    const relation = (name: string, stream: string, sql: string) => `  ${name}:
    description: x
    keys: [k]
    values: [v]
    streams: { ${stream}: ${sql} }
    left: { store: postgres, kind: snapshot, sql: select 1 }
    right: { store: postgres, kind: as-of, sql: "select {epoch.${stream}}" }
`
    const problems = problemsOf(
      `relations:\n${relation('a', 'cash', 'select 1')}${relation('b', 'runs', 'select 2')}${relation('c', 'runs', 'select 3')}${relation('d', 'runs', 'select 2')}`,
    )
    expect(problems.map(problem => problem.replace(/^recon\.yaml:\d+:\d+: /, ''))).toEqual([
      expect.stringContaining('relations.a.streams.cash: streams has one of this name that is read otherwise'),
      expect.stringContaining('relations.b.streams.runs: relation c has one of this name'),
      expect.stringContaining('relations.c.streams.runs: relation b has one of this name'),
      expect.stringContaining('relations.d.streams.runs: relation c has one of this name'),
    ])
  })
})

describe('placeholders', () => {
  it('are found outside of strings and quoted names, and replaced by what the store calls them', () => {
    const template = parseSqlTemplate(
      `select '{x}', "a{}b", \`{\` from t where a <= {epoch.drop-copy} and b <= {horizon.cash} or a > {epoch.drop-copy}`,
    )
    expect(template.strays).toEqual([])
    expect(placeholdersOf(template)).toEqual([
      { of: 'epoch', stream: 'drop-copy' },
      { of: 'horizon', stream: 'cash' },
      { of: 'epoch', stream: 'drop-copy' },
    ])
    expect(renderTemplate(template, ({ of, stream }) => `<${of} ${stream}>`)).toBe(
      `select '{x}', "a{}b", \`{\` from t where a <= <epoch drop-copy> and b <= <horizon cash> or a > <epoch drop-copy>`,
    )
  })

  it('are told where they are none', () => {
    const strays = (sql: string) => parseSqlTemplate(sql).strays
    expect(strays('select {epoch}, {epoch.}, {Epoch.a}, {}, {a:UInt64}')).toEqual(['{epoch}', '{epoch.}', '{Epoch.a}', '{}', '{a:UInt64}'])
    expect(strays(`select '{epoch.a} and {horizon.b}'`)).toEqual(['{epoch.a}', '{horizon.b}'])
    expect(strays('select {epoch.a')).toEqual(['{'])
  })
})
