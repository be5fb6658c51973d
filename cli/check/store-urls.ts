import type { Config } from '../config/config.ts'
import { ConfigError, type ConfigProblem } from '../config/problem.ts'
import { custodianProblems } from './custody.ts'

/** The addresses of the two stores that a check compares. */
export interface StoreUrls {
  readonly postgresUrl: string
  readonly clickhouseUrl: string
}

/** The addresses of the stores; throws `ConfigError` naming everything that is not configured and that the checks need. */
export function requireStoreUrls(config: Config, checks: readonly string[] = []): StoreUrls {
  const { postgresUrl, clickhouseUrl } = config.stores
  const problems: ConfigProblem[] = []
  if (postgresUrl === undefined) problems.push(unset('RECON_POSTGRES_URL', 'postgresql://user:password@host:5432/database'))
  if (clickhouseUrl === undefined) problems.push(unset('RECON_CLICKHOUSE_URL', 'https://user:password@host:8443/database'))
  problems.push(...custodianProblems(checks, config))
  if (problems.length > 0 || postgresUrl === undefined || clickhouseUrl === undefined) throw new ConfigError(problems)
  return { postgresUrl, clickhouseUrl }
}

function unset(source: string, right: string): ConfigProblem {
  return { source, message: `is not set; write it as ${right}, or start a store with recon sandbox` }
}
