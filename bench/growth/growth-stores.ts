import { type ClickHouseClient, ClickHouseLogLevel, createClient } from '@clickhouse/client'
import pg from 'pg'
import { type SimCustodian, startCustodian } from '../../sim/custodian/custodian.ts'
import type { Stores } from '../../sim/sandbox/stores.ts'
import type { JobStores } from '../check-job.ts'
import { GROWTH_ASSETS } from './append-history.ts'

/** The stores of one volume, with a custodian, and with all that recon keeps in ClickHouse or in PostgreSQL. */
export interface GrowthStores {
  readonly clickhouse: ClickHouseClient
  readonly postgres: pg.Client
  readonly custodian: SimCustodian
  /** With checkpoints in ClickHouse. */
  readonly main: JobStores & Required<Pick<JobStores, 'stateUrl' | 'custodian'>>
  /** With checkpoints in PostgreSQL, in a database of recon's apart from the other. */
  readonly inPostgres: JobStores
  /** Drops everything. */
  drop(): Promise<void>
}

const REQUEST_TIMEOUT_MS = 1_800_000

/** Opens fresh stores. `create` gives databases of their own, as a sandbox does. */
export async function openGrowthStores(create: (name: string) => Promise<Stores>): Promise<GrowthStores> {
  const stores = await create('growth')
  const others = await create('growth state')
  const clickhouse = createClient({
    url: stores.clickhouseUrl,
    request_timeout: REQUEST_TIMEOUT_MS,
    // What goes wrong is thrown.
    log: { level: ClickHouseLogLevel.OFF },
    clickhouse_settings: { max_execution_time: REQUEST_TIMEOUT_MS / 1_000 },
  })
  const postgres = new pg.Client({ connectionString: stores.postgresUrl })
  await postgres.connect()
  const custodian = await startCustodian({
    assets: GROWTH_ASSETS,
    latencyMsMin: 0,
    latencyMsMax: 0,
    settleMsMin: 0,
    settleMsMax: 0,
    feeOneIn: 0,
  })
  const { postgresUrl, clickhouseUrl } = stores
  const { url, apiKey, vaults } = custodian
  const main = { postgresUrl, clickhouseUrl, stateUrl: stores.reconUrl, custodian: { url, apiKey, vaults } }
  return {
    clickhouse,
    postgres,
    custodian,
    main: { ...main, clickhouseStateUrl: stores.clickhouseStateUrl },
    inPostgres: { ...main, stateUrl: others.reconUrl },
    async drop() {
      await Promise.all([clickhouse.close(), postgres.end(), custodian.stop()])
      await Promise.all([stores.drop(), others.drop()])
    },
  }
}
