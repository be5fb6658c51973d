import { readFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { nearest } from '../nearest.ts'
import { assemble, DEFAULT_STREAMS } from './assemble.ts'
import type { Config } from './config.ts'
import { problemAt, problemsOf } from './issues.ts'
import { ConfigError, type ConfigProblem } from './problem.ts'
import { type Declared, type FileConfig, fileSchema } from './schema.ts'
import { SECRET_SOURCES, type SecretName, secretProblems } from './secrets.ts'
import { type ConfigPath, parseYamlFile, type YamlFile } from './yaml-file.ts'

/** Where to look for the configuration, and the checks that it may name. */
export interface ConfigInput {
  readonly environment: Readonly<Record<string, string | undefined>>
  readonly workingFolder: string
  /** The path given with --config; undefined: `recon.yaml` in the working folder, if it is there. */
  readonly file: string | undefined
  readonly knownChecks: readonly string[]
}

/** The effective configuration with what `recon config print` and the warnings need beside it. */
export interface LoadedConfig {
  readonly config: Config
  /** The validated file form, defaults filled in. */
  readonly fileConfig: FileConfig
  readonly secrets: Readonly<Partial<Record<SecretName, Secret>>>
  /** The file that was read, as it is called in messages. */
  readonly fileName: string | undefined
  /** Where a key of the file form got its value: `recon.yaml:7`, or undefined for a default. */
  originOf(path: ConfigPath): string | undefined
  readonly warnings: readonly string[]
}

/** A secret and where it came from: a variable, or the file of a file key. */
export interface Secret {
  readonly value: string
  readonly origin: string
}

const FILE_NAME = 'recon.yaml'

/** Reads and validates the configuration. Throws `ConfigError` with everything that is wrong at once. */
export function loadConfig(input: ConfigInput): LoadedConfig {
  const { text, path, problems: unreadable } = readConfigFile(input)
  const file = parseYamlFile(input.file ?? FILE_NAME, text)
  const schema = fileSchema(input.knownChecks, declaredIn(file.value))
  const parsed = file.value === undefined ? undefined : schema.safeParse(file.value)
  const secrets = readSecrets(input, file, dirname(path))
  const assembled = parsed?.success ? assemble(parsed.data, secrets.values) : undefined
  const problems = [
    ...unreadable,
    ...file.problems,
    ...(parsed && !parsed.success ? problemsOf(file, schema, parsed.error) : []),
    ...(assembled?.problems ?? []).map(({ path: at, message }) => problemAt(file, at, message)),
    ...secrets.problems,
  ]
  if (problems.length > 0 || !parsed?.success || !assembled) throw new ConfigError(inOrder(problems))
  return {
    config: assembled.config,
    fileConfig: parsed.data,
    secrets: secrets.values,
    fileName: text === '' ? undefined : file.name,
    originOf: at => (file.has(at) ? `${file.name}:${file.locate(at).line}` : undefined),
    warnings: misspelledVariables(input.environment),
  }
}

function readConfigFile({ file, workingFolder }: ConfigInput): { text: string; path: string; problems: readonly ConfigProblem[] } {
  const path = resolve(workingFolder, file ?? FILE_NAME)
  try {
    return { text: readFileSync(path, 'utf8'), path, problems: [] }
  } catch (error) {
    // No recon.yaml at all is a configuration; a file that was asked for, or that is there and cannot be read, is not.
    if (file === undefined && codeOf(error) === 'ENOENT') return { text: '', path, problems: [] }
    return {
      text: '',
      path,
      problems: [{ source: file ?? FILE_NAME, message: `cannot be read (${reasonOf(error)}); give --config a readable file` }],
    }
  }
}

function readSecrets({ environment }: ConfigInput, file: YamlFile, folder: string) {
  const values: Partial<Record<SecretName, Secret>> = {}
  const problems: ConfigProblem[] = []
  for (const { name, variable, fileKey, form } of SECRET_SOURCES) {
    // An empty variable is an unset one: compose files and CI write it so.
    const fromEnvironment = environment[variable]?.trim() || undefined
    if (fromEnvironment !== undefined) {
      problems.push(...secretProblems(form, fromEnvironment).map(message => ({ source: variable, message })))
      values[name] = { value: fromEnvironment, origin: variable }
      continue
    }
    const named = at(file.value, fileKey)
    if (typeof named !== 'string' || named.trim() === '') continue
    try {
      const value = readFileSync(resolve(folder, named), 'utf8').trim()
      const wrong = value === '' ? ['is empty'] : secretProblems(form, value)
      problems.push(...wrong.map(message => problemAt(file, fileKey, `the content of ${named} ${message}`)))
      values[name] = { value, origin: named }
    } catch (error) {
      problems.push(
        problemAt(file, fileKey, `${named} cannot be read (${reasonOf(error)}); the path is relative to the configuration file`),
      )
    }
  }
  return { values, problems }
}

/** Variables that nobody reads but that look like one of ours: a store left unset by a slip of the finger is hard to see. */
function misspelledVariables(environment: ConfigInput['environment']): readonly string[] {
  const known = SECRET_SOURCES.map(({ variable }) => variable)
  return Object.keys(environment)
    .filter(name => name.startsWith('RECON_') && !known.includes(name) && environment[name])
    .flatMap(name => {
      const meant = nearest(name, known)
      return meant === undefined || environment[meant] ? [] : [`${name} is not read by recon; did you mean ${meant}?`]
    })
}

/** What the file declares, whether well or not: what else is wrong with it is told beside. */
function declaredIn(file: unknown): Declared {
  const streams = at(file, ['streams'])
  const own = isRecord(streams) ? streams : {}
  const all = [...new Set([...DEFAULT_STREAMS, ...Object.keys(own)])]
  const relations = at(file, ['relations'])
  return { relations: isRecord(relations) ? Object.keys(relations) : [], streams: all.filter(stream => own[stream] !== false) }
}

function inOrder(problems: readonly ConfigProblem[]): readonly ConfigProblem[] {
  return [...problems].sort((a, b) => (a.line ?? 0) - (b.line ?? 0) || (a.column ?? 0) - (b.column ?? 0))
}

function at(value: unknown, path: ConfigPath): unknown {
  return path.reduce<unknown>((node, key) => (isRecord(node) && Object.hasOwn(node, key) ? node[key] : undefined), value)
}

function isRecord(value: unknown): value is Readonly<Record<string | number, unknown>> {
  return typeof value === 'object' && value !== null
}

function codeOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined
}

function reasonOf(error: unknown): string {
  return codeOf(error) ?? (error instanceof Error ? error.message : String(error))
}
