import { randomUUID } from 'node:crypto'
import type { Client } from 'pg'
import { escapeIdentifier } from 'pg'
import { withClickHouse } from '../engines/clickhouse-client.ts'
import type { ClickHouseUser } from '../engines/clickhouse-config.ts'
import { withPostgres } from '../engines/postgres-client.ts'
import { clickhouseMarker, clickhouseSchema } from './clickhouse-schema.ts'
import { postgresMarker, postgresSchema } from './postgres-schema.ts'

/** The addresses that `recon sandbox` prints. */
export interface StoreUrls {
  /** The incumbent, with the reference schema. */
  readonly postgresUrl: string
  /** The shadow, with the same schema. */
  readonly shadowPostgresUrl: string
  /** recon's own database, empty. */
  readonly reconUrl: string
  /** ClickHouse, with the reference schema; the database is in the path. */
  readonly clickhouseUrl: string
  /** A database of recon's own on the same ClickHouse, empty. Not among what `recon sandbox` prints: it is the database `recon` of that server. */
  readonly clickhouseStateUrl: string
}

/** A set of databases of its own on servers that are shared, for one test or one run. */
export interface Stores extends StoreUrls {
  /** The incumbent as a role that can only select. */
  readonly readOnlyPostgresUrl: string
  /** ClickHouse as a user with `readonly = 2`: it reads and may change settings. */
  readonly readOnlyClickhouseUrl: string
  /** ClickHouse as a user with `readonly = 1`: it reads and may change no setting. */
  readonly strictClickhouseUrl: string
  /** Drops the databases, open connections and all. */
  drop(): Promise<void>
}

/** Where sets of databases can be made: any database of a PostgreSQL cluster as its superuser, and any of a ClickHouse server as `default`. */
export interface StoreServers {
  readonly postgresUrl: string
  readonly clickhouseUrl: string
}

/** The password of every role and user of a sandbox. Not a secret: they are made on the loopback, over simulated data. */
export const sandboxPassword = 'sandbox'
const readerRole = 'recon_reader'
/** The ClickHouse users of every sandbox, beside `default`. */
export const sandboxUsers = {
  reader: { name: 'recon_reader', password: sandboxPassword, readonly: 2 },
  strict: { name: 'recon_strict_reader', password: sandboxPassword, readonly: 1 },
} as const satisfies Record<string, ClickHouseUser>

const exchangeTemplate = 'recon_sandbox_exchange'
const blankTemplate = 'recon_sandbox_blank'

/** Creates the databases `ax`, `ax_shadow` and `recon`, and ClickHouse's `ax`, with schema and marker. What is there already stays as it is. */
export async function prepareSandbox(servers: StoreServers): Promise<StoreUrls> {
  await Promise.all([
    (async () => {
      await withPostgres(servers.postgresUrl, async client => {
        for (const database of ['ax', 'ax_shadow', 'recon']) await createDatabase(client, database)
      })
      for (const database of ['ax', 'ax_shadow']) await fillPostgres(atDatabase(servers.postgresUrl, database), true)
      await fillPostgres(atDatabase(servers.postgresUrl, 'recon'), false)
    })(),
    createClickHouse(servers.clickhouseUrl, 'ax'),
    createStateDatabase(servers.clickhouseUrl, 'recon'),
  ])
  return {
    postgresUrl: atDatabase(servers.postgresUrl, 'ax'),
    shadowPostgresUrl: atDatabase(servers.postgresUrl, 'ax_shadow'),
    reconUrl: atDatabase(servers.postgresUrl, 'recon'),
    clickhouseUrl: atDatabase(servers.clickhouseUrl, 'ax'),
    clickhouseStateUrl: atDatabase(servers.clickhouseUrl, 'recon'),
  }
}

/**
 * Creates three PostgreSQL databases and one ClickHouse database with names that begin with `name`, with schema and marker, for the caller alone.
 * Takes a fraction of a second: PostgreSQL copies a template that the first call makes.
 */
export async function createStores(servers: StoreServers, name: string): Promise<Stores> {
  const prefix = `${name
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '_')
    .slice(0, 36)}_${randomUUID().slice(0, 8)}`
  const databases = { incumbent: `${prefix}_ax`, shadow: `${prefix}_shadow`, recon: `${prefix}_recon` }
  await Promise.all([
    withPostgres(atDatabase(servers.postgresUrl, 'postgres'), async client => {
      await makeTemplates(client, servers.postgresUrl)
      for (const [database, template] of [
        [databases.incumbent, exchangeTemplate],
        [databases.shadow, exchangeTemplate],
        [databases.recon, blankTemplate],
      ] as const) {
        await client.query(`create database ${escapeIdentifier(database)} template ${escapeIdentifier(template)}`)
        await client.query(`revoke temporary on database ${escapeIdentifier(database)} from public`)
      }
    }),
    createClickHouse(servers.clickhouseUrl, prefix),
    createStateDatabase(servers.clickhouseUrl, `${prefix}_recon`),
  ])
  const postgresUrl = atDatabase(servers.postgresUrl, databases.incumbent)
  const clickhouseUrl = atDatabase(servers.clickhouseUrl, prefix)
  return {
    postgresUrl,
    shadowPostgresUrl: atDatabase(servers.postgresUrl, databases.shadow),
    reconUrl: atDatabase(servers.postgresUrl, databases.recon),
    clickhouseUrl,
    clickhouseStateUrl: atDatabase(servers.clickhouseUrl, `${prefix}_recon`),
    readOnlyPostgresUrl: asUser(postgresUrl, readerRole),
    readOnlyClickhouseUrl: asUser(clickhouseUrl, sandboxUsers.reader.name),
    strictClickhouseUrl: asUser(clickhouseUrl, sandboxUsers.strict.name),
    async drop() {
      await withPostgres(atDatabase(servers.postgresUrl, 'postgres'), async client => {
        for (const database of Object.values(databases)) {
          await client.query(`drop database if exists ${escapeIdentifier(database)} with (force)`)
        }
      })
      await withClickHouse(servers.clickhouseUrl, async client => {
        for (const database of [prefix, `${prefix}_recon`]) await client.command({ query: `drop database if exists \`${database}\` sync` })
      })
    },
  }
}

async function createStateDatabase(clickhouseUrl: string, database: string): Promise<void> {
  await withClickHouse(clickhouseUrl, client => client.command({ query: `create database if not exists \`${database}\`` }))
}

/** Several test files may come here at once; the first makes the templates, under a lock, and the others wait for it. */
async function makeTemplates(client: Client, postgresUrl: string): Promise<void> {
  await client.query(`select pg_advisory_lock(hashtext('recon_sandbox_templates'))`)
  try {
    const { rows } = await client.query<{ made: boolean }>(
      `select exists (select from pg_database where datname = $1 and datistemplate) as made`,
      [blankTemplate],
    )
    if (rows[0]?.made === true) return
    await createReader(client)
    for (const template of [exchangeTemplate, blankTemplate]) {
      await createDatabase(client, template)
      await fillPostgres(atDatabase(postgresUrl, template), template === exchangeTemplate)
      await client.query(`alter database ${template} is_template true`)
    }
  } finally {
    await client.query(`select pg_advisory_unlock(hashtext('recon_sandbox_templates'))`)
  }
}

async function createReader(client: Client): Promise<void> {
  const { rows } = await client.query(`select from pg_roles where rolname = $1`, [readerRole])
  if (rows.length === 0) await client.query(`create role ${readerRole} login password '${sandboxPassword}' in role pg_read_all_data`)
}

async function createDatabase(client: Client, database: string): Promise<void> {
  const { rows } = await client.query(`select from pg_database where datname = $1`, [database])
  if (rows.length === 0) await client.query(`create database ${escapeIdentifier(database)}`)
}

async function fillPostgres(url: string, withSchema: boolean): Promise<void> {
  // Several statements in one query are one transaction.
  await withPostgres(url, client => client.query((withSchema ? postgresSchema : '') + postgresMarker))
}

async function createClickHouse(serverUrl: string, database: string): Promise<void> {
  await withClickHouse(atDatabase(serverUrl, 'default'), client =>
    client.command({ query: `create database if not exists \`${database}\`` }),
  )
  await withClickHouse(atDatabase(serverUrl, database), async client => {
    for (const query of [...clickhouseSchema, ...clickhouseMarker]) await client.command({ query })
  })
}

function atDatabase(url: string, database: string): string {
  const changed = new URL(url)
  changed.pathname = `/${database}`
  return changed.href
}

function asUser(url: string, name: string): string {
  const changed = new URL(url)
  changed.username = name
  changed.password = sandboxPassword
  return changed.href
}
