import { z } from 'zod'
import { suggestion } from '../nearest.ts'
import type { ConfigProblem } from './problem.ts'
import { SECRET_SOURCES } from './secrets.ts'
import type { ConfigPath, YamlFile } from './yaml-file.ts'

/** Turns what zod found into problems that name the line, the key, and what would be right. */
export function problemsOf(file: YamlFile, schema: z.ZodType, error: z.ZodError): readonly ConfigProblem[] {
  return error.issues.flatMap(issue => {
    const path = keysOf(issue.path)
    if (issue.code === 'unrecognized_keys') {
      return issue.keys.map(key => problemAt(file, [...path, key], unknownKey(path, key, knownKeys(schema, path))))
    }
    const [inner] = issue.code === 'invalid_key' ? issue.issues : [issue]
    return [problemAt(file, path, inner?.message ?? issue.message)]
  })
}

/** A problem with the key at `path` of the file. */
export function problemAt(file: YamlFile, path: ConfigPath, message: string): ConfigProblem {
  return { source: file.name, ...file.locate(path), path: path.join('.'), message }
}

function unknownKey(path: ConfigPath, key: string, known: readonly string[]): string {
  const secret = SECRET_SOURCES.find(({ fileKey }) => fileKey.join('.') === [...path, `${key}File`].join('.'))
  if (secret) {
    return `secrets do not stand in this file: set ${secret.variable}, or name a file that holds it with ${secret.fileKey.join('.')}`
  }
  const what = path.length === 1 && path[0] === 'checks' ? 'check' : 'key'
  return `unknown ${what}${suggestion(key, known)}`
}

function keysOf(path: readonly PropertyKey[]): ConfigPath {
  return path.map(segment => (typeof segment === 'symbol' ? String(segment) : segment))
}

/** The keys that the schema has at `path`, found by walking it: zod reports only the keys that it does not know. */
function knownKeys(schema: z.ZodType, path: ConfigPath): readonly string[] {
  let at: unknown = schema
  for (const segment of path) at = childOf(at, String(segment))
  return Object.keys(shapeOf(at) ?? {})
}

/** What the schema says of one key: its own where keys are fixed, the same for all where they are names. */
function childOf(schema: unknown, key: string): unknown {
  if (schema instanceof z.ZodRecord) return schema.valueType
  if (schema instanceof z.ZodPrefault || schema instanceof z.ZodOptional) return childOf(schema.unwrap(), key)
  if (schema instanceof z.ZodPipe) return childOf(schema.out, key)
  return shapeOf(schema)?.[key]
}

function shapeOf(schema: unknown): Readonly<Record<string, unknown>> | undefined {
  if (schema instanceof z.ZodObject) return schema.shape
  if (schema instanceof z.ZodPrefault || schema instanceof z.ZodOptional) return shapeOf(schema.unwrap())
  if (schema instanceof z.ZodPipe) return shapeOf(schema.out)
  return undefined
}
