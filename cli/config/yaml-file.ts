import { type Document, isAlias, isMap, isScalar, isSeq, LineCounter, type Node, type Pair, parseDocument } from 'yaml'
import type { ConfigProblem } from './problem.ts'

/** A place in the configuration: the keys and list positions that lead to it. */
export type ConfigPath = readonly (string | number)[]

/** A parsed file: its plain value (undefined if it could not be parsed), what was wrong, and where each key stands. */
export interface YamlFile {
  readonly name: string
  readonly value: unknown
  readonly problems: readonly ConfigProblem[]
  /** The position of the key at `path`, or of its nearest ancestor that the file does hold. */
  locate(path: ConfigPath): Position
  /** Whether the file itself says something at `path`. */
  has(path: ConfigPath): boolean
}

/** Line and column, both from 1. */
export interface Position {
  readonly line: number
  readonly column: number
}

/** Parses YAML 1.2 and keeps positions, so that every problem can name its line; `name` is how problems call the file. An empty file is an empty mapping. */
export function parseYamlFile(name: string, text: string): YamlFile {
  const lines = new LineCounter()
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, stringKeys: true })
  const problems: ConfigProblem[] = [...document.errors, ...document.warnings].map(error => ({
    source: name,
    ...positionOf(lines, error.pos[0]),
    message: `not valid YAML: ${error.message}`,
  }))
  const read = problems.length > 0 ? { value: undefined, problems: [] } : toValue(document, name)
  return {
    name,
    value: read.value,
    problems: [...problems, ...read.problems],
    locate: path => positionOf(lines, walk(document, path).offset),
    has: path => walk(document, path).depth === path.length,
  }
}

function toValue(document: Document.Parsed, source: string): { readonly value: unknown; readonly problems: readonly ConfigProblem[] } {
  try {
    return { value: document.toJS({ maxAliasCount: 100 }) ?? {}, problems: [] }
  } catch (error) {
    // An alias without its anchor, or aliases that multiply without end: both are found only here.
    const message = `not valid YAML: ${error instanceof Error ? error.message : String(error)}`
    return { value: undefined, problems: [{ source, message }] }
  }
}

function walk(document: Document.Parsed, path: ConfigPath): { readonly offset: number; readonly depth: number } {
  let node: Node | null | undefined = document.contents
  let offset = node?.range?.[0] ?? 0
  let depth = 0
  for (const segment of path) {
    if (isAlias(node)) node = node.resolve(document)
    if (isMap(node)) {
      const pair: Pair | undefined = node.items.find(({ key }) => isScalar(key) && String(key.value) === String(segment))
      if (!pair || !isScalar(pair.key)) break
      offset = pair.key.range?.[0] ?? offset
      node = isNode(pair.value) ? pair.value : undefined
    } else if (isSeq(node)) {
      const item: unknown = node.items[Number(segment)]
      if (!isNode(item)) break
      offset = item.range?.[0] ?? offset
      node = item
    } else break
    depth++
  }
  return { offset, depth }
}

function isNode(value: unknown): value is Node {
  return typeof value === 'object' && value !== null && 'range' in value
}

function positionOf(lines: LineCounter, offset: number): Position {
  const { line, col } = lines.linePos(offset)
  return { line: Math.max(1, line), column: Math.max(1, col) }
}
