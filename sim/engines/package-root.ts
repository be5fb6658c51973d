import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { ReconError } from '../../epoch/recon-error.ts'

/** Finds the folder that holds this package's package.json, from the sources and from the compiled output alike. */
export function packageRoot(): string {
  for (let folder = import.meta.dirname; ; folder = dirname(folder)) {
    if (existsSync(join(folder, 'package.json'))) return folder
    if (folder === dirname(folder)) throw new ReconError('package-root-missing', `no package.json above ${import.meta.dirname}`)
  }
}

/**
 * Resolves an entry point that runs as a child process, for example `sim/engines/keeper.ts`, to its compiled file: Node 20 cannot run the
 * sources, and the tests run from them. Throws a ReconError that names the build command where the file is missing.
 */
export function compiledEntry(source: string): string {
  const compiled = join(packageRoot(), 'dist', source.replace(/\.ts$/, '.js'))
  if (existsSync(compiled)) return compiled
  throw new ReconError('not-built', `${compiled} is missing: run \`node setup.mjs\` in ${packageRoot()} to build it`)
}
