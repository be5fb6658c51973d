import { ReconError } from '../../epoch/recon-error.ts'
import { withClickHouse } from '../engines/clickhouse-client.ts'
import { withPostgres } from '../engines/postgres-client.ts'
import type { StoreUrls } from './stores.ts'

/**
 * Refuses every database that a sandbox did not make, whatever the flags; the simulator calls it before it writes anything. Throws a ReconError:
 * `not-a-sandbox` names each database that lacks the marker, `store-unreachable` one that could not be asked.
 */
export async function requireSandbox(urls: Partial<StoreUrls>): Promise<void> {
  const postgres = [urls.postgresUrl, urls.shadowPostgresUrl, urls.reconUrl].filter(url => url !== undefined)
  const clickhouse = urls.clickhouseUrl === undefined ? [] : [urls.clickhouseUrl]
  const answers = await Promise.all([
    ...postgres.map(async url => ({ url, marked: await asking(url, () => postgresMarked(url)) })),
    ...clickhouse.map(async url => ({ url, marked: await asking(url, () => clickhouseMarked(url)) })),
  ])
  const refused = answers.filter(answer => !answer.marked).map(answer => redact(answer.url))
  if (refused.length === 0) return
  throw new ReconError(
    'not-a-sandbox',
    `${refused.join(' and ')}: not made by \`recon sandbox\`, and the simulator writes to nothing else. Start \`recon sandbox\` and use the addresses that it prints`,
  )
}

async function postgresMarked(url: string): Promise<boolean> {
  return withPostgres(url, async client => {
    const there = await client.query<{ marker: string | null }>(`select to_regclass('recon_sandbox.marker')::text as marker`)
    if (there.rows[0]?.marker == null) return false
    const { rows } = await client.query(
      `select from recon_sandbox.marker m join pg_control_system() s on m.system_identifier = s.system_identifier::text`,
    )
    return rows.length > 0
  })
}

async function clickhouseMarked(url: string): Promise<boolean> {
  return withClickHouse(url, async client => {
    const there = await client.query({
      query: `select name from system.tables where database = currentDatabase() and name = 'recon_sandbox_marker'`,
      format: 'JSONEachRow',
    })
    if ((await there.json()).length === 0) return false
    const marker = await client.query({
      query: 'select database_name from recon_sandbox_marker where database_name = currentDatabase()',
      format: 'JSONEachRow',
    })
    return (await marker.json()).length > 0
  })
}

async function asking(url: string, ask: () => Promise<boolean>): Promise<boolean> {
  try {
    return await ask()
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message || cause.name : String(cause)
    throw new ReconError('store-unreachable', `${redact(url)} could not be asked whether a sandbox made it: ${reason}`, { cause })
  }
}

function redact(url: string): string {
  if (!URL.canParse(url)) return url
  const shown = new URL(url)
  if (shown.password !== '') shown.password = '***'
  return shown.href
}
