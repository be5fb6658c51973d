import type { Config } from '../config/config.ts'
import { ConfigError, type ConfigProblem } from '../config/problem.ts'

/** The addresses of the two stores that a check compares. */
export interface StoreUrls {
  readonly postgresUrl: string
  readonly clickhouseUrl: string
}

/** The addresses of the stores; throws `ConfigError` naming every one that is not configured. */
export function requireStoreUrls({ stores: { postgresUrl, clickhouseUrl } }: Config): StoreUrls {
  const problems: ConfigProblem[] = []
  if (postgresUrl === undefined) problems.push(unset('RECON_POSTGRES_URL', 'postgresql://user:password@host:5432/database'))
  if (clickhouseUrl === undefined) problems.push(unset('RECON_CLICKHOUSE_URL', 'https://user:password@host:8443/database'))
  if (postgresUrl === undefined || clickhouseUrl === undefined) throw new ConfigError(problems)
  return { postgresUrl, clickhouseUrl }
}

function unset(source: string, right: string): ConfigProblem {
  return { source, message: `is not set; write it as ${right}, or start a store with recon sandbox` }
}
