import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { CustomRelation } from '../../checks/custom/custom-relation.ts'
import { KNOWN_CHECKS } from '../../cli/check/registry.ts'
import { type LoadedConfig, loadConfig } from '../../cli/config/load.ts'
import { ConfigError } from '../../cli/config/problem.ts'
import { packageRoot } from '../../sim/engines/package-root.ts'

/** The configuration that a recon.yaml makes. Throws `ConfigError`. */
export function configOf(yaml: string, environment: Readonly<Record<string, string>> = {}): LoadedConfig {
  const workingFolder = mkdtempSync(join(tmpdir(), 'recon-relations-'))
  try {
    writeFileSync(join(workingFolder, 'recon.yaml'), yaml)
    return loadConfig({ environment, workingFolder, file: undefined, knownChecks: KNOWN_CHECKS })
  } finally {
    rmSync(workingFolder, { recursive: true, force: true })
  }
}

/** What is wrong with a recon.yaml, a line each. */
export function problemsOf(yaml: string): readonly string[] {
  try {
    configOf(yaml)
  } catch (error) {
    if (error instanceof ConfigError) return error.message.split('\n')
    throw error
  }
  return []
}

/** The one relation that a recon.yaml declares. */
export function relationOf(yaml: string): CustomRelation {
  const [relation, ...others] = Object.values(configOf(yaml).config.relations)
  if (relation === undefined || others.length > 0) throw new Error('a recon.yaml with one relation was expected')
  return relation
}

/** The blocks of docs/custom-relations.md in one language, in their order. */
export function documentBlocks(language: 'yaml' | 'sql'): readonly string[] {
  const document = readFileSync(join(packageRoot(), 'docs', 'custom-relations.md'), 'utf8')
  return [...document.matchAll(/```(\w+)\n(.*?)```/gs)].flatMap(([, found, block = '']) => (found === language ? [block] : []))
}
