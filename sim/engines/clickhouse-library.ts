import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { ReconError } from '../../epoch/recon-error.ts'

/**
 * Finds the engine's shared library in the registry's package for this platform; an optional dependency, since it is 540 MB and there is none
 * for every platform. Throws `ReconError` with code `engine-unavailable` where it is not installed.
 */
export function clickHouseLibraryPath(): string {
  const name = `@chdb/lib-${process.platform}-${process.arch}${process.platform === 'linux' ? '-gnu' : ''}`
  try {
    return join(dirname(createRequire(import.meta.url).resolve(`${name}/package.json`)), 'libchdb.so')
  } catch (cause) {
    const remedy = `install it with "npm install ${name}" if the registry has it, or use a ClickHouse server and RECON_CLICKHOUSE_URL`
    throw new ReconError('engine-unavailable', `the embedded ClickHouse needs the package ${name}, which is not installed; ${remedy}`, {
      cause,
    })
  }
}
