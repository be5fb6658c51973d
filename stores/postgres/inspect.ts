import type { LegContext } from '../../epoch/leg.ts'
import { type ClockSkew, quickestRoundTrip } from '../clock-skew.ts'
import type { PostgresStore } from './postgres-store.ts'
import { openSession, type PostgresSession } from './session.ts'

/** What PostgreSQL says of itself and of the role that asks: facts only, to be judged by `recon doctor`. */
export interface PostgresFacts {
  readonly version: string
  /** `180004` for 18.4. */
  readonly versionNumber: number
  readonly standby: boolean
  /** What the database writes its text in: `UTF8`, `LATIN1`, `SQL_ASCII`. */
  readonly encoding: string
  readonly role: string
  readonly superuser: boolean
  /** Tables that the role may write to, with the privileges by which it may; at most 10. */
  readonly writable: readonly WritableTable[]
  /** Whether `recon sandbox` made this very database. */
  readonly sandbox: boolean
  readonly tables: readonly (PostgresTable | undefined)[]
}

/** A table that can be written to. */
export interface WritableTable {
  readonly table: string
  readonly privileges: readonly string[]
}

/** One table of the live schema. */
export interface PostgresTable {
  readonly columns: ReadonlyMap<string, PostgresColumn>
  /** Whether row-level security filters what the role reads. */
  readonly filtered: boolean
}

/** One column, its type as PostgreSQL writes it: `numeric(38,18)`. */
export interface PostgresColumn {
  readonly type: string
  readonly readable: boolean
}

/** A table by its name; without a schema it is looked up on the search path. */
export interface PostgresTableName {
  readonly schema: string | undefined
  readonly name: string
}

/** Reads the facts; `tables` come back in the order asked for, undefined where there is none. Rejects with `StoreError`. */
export async function inspectPostgres(
  store: PostgresStore,
  tables: readonly PostgresTableName[],
  context: LegContext,
): Promise<PostgresFacts> {
  return withSession(store, context, async session => {
    const server = await inspectServer(session)
    const writable = await inspectWritable(session)
    const found: (PostgresTable | undefined)[] = []
    for (const table of tables) found.push(await inspectTable(session, table))
    // The marker is asked for only where it matters: a reader need not be able to see it.
    return { ...server, writable, sandbox: writable.length > 0 && (await isSandbox(session)), tables: found }
  })
}

/** Reads one stream's sequence by its configured SQL, as text; rejects with `StoreError` when the SQL does not work. */
export async function inspectStream(store: PostgresStore, sql: string, context: LegContext): Promise<string> {
  return withSession(store, context, async session => {
    const [row] = await session.query<{ sequence: string }>(`select coalesce((${sql}), 0)::text as sequence`)
    return row?.sequence ?? '0'
  })
}

/** Measures the clock skew by the quickest of a few round trips, each against its midpoint. Rejects with `StoreError`. */
export async function measurePostgresClock(store: PostgresStore, context: LegContext): Promise<ClockSkew> {
  return withSession(store, context, session =>
    quickestRoundTrip(context, async () => {
      const [row] = await session.query<{ ms: string }>('select (extract(epoch from clock_timestamp()) * 1000)::text as ms')
      return Number(row?.ms)
    }),
  )
}

async function withSession<T>(store: PostgresStore, context: LegContext, work: (session: PostgresSession) => Promise<T>): Promise<T> {
  const session = await openSession(store, context)
  try {
    await session.query(`set statement_timeout = ${Math.ceil(store.statementTimeoutMs)}`)
    return await work(session)
  } finally {
    await session.close()
  }
}

async function inspectServer(session: PostgresSession) {
  const [row] = await session.query<Pick<PostgresFacts, 'version' | 'versionNumber' | 'standby' | 'encoding' | 'role' | 'superuser'>>(
    `select current_setting('server_version') as version, current_setting('server_version_num')::int as "versionNumber",
      pg_is_in_recovery() as standby, current_setting('server_encoding') as encoding, rolname as role, rolsuper as superuser
    from pg_roles where rolname = current_user`,
  )
  return row ?? { version: 'unknown', versionNumber: 0, standby: false, encoding: 'unknown', role: 'unknown', superuser: false }
}

async function inspectWritable(session: PostgresSession): Promise<readonly WritableTable[]> {
  return session.query<{ table: string; privileges: string[] }>(
    `select c.oid::regclass::text as "table", array(
        select privilege from unnest(array['insert', 'update', 'delete', 'truncate']) as privilege
        where has_table_privilege(c.oid, privilege)
          or privilege in ('insert', 'update') and has_any_column_privilege(c.oid, privilege)) as privileges
    from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where c.relkind in ('r', 'p', 'v', 'f') and n.nspname <> 'information_schema' and n.nspname not like 'pg\\_%'
      and (has_table_privilege(c.oid, 'insert, update, delete, truncate') or has_any_column_privilege(c.oid, 'insert, update'))
    order by 1 limit 10`,
  )
}

async function inspectTable(session: PostgresSession, { schema, name }: PostgresTableName): Promise<PostgresTable | undefined> {
  const rows = await session.query<{ column: string; type: string; readable: boolean; filtered: boolean }>(
    `select a.attname as "column", format_type(a.atttypid, a.atttypmod) as type,
      has_column_privilege(c.oid, a.attnum, 'select') and has_schema_privilege(n.oid, 'usage') as readable,
      row_security_active(c.oid) as filtered
    from pg_class c join pg_namespace n on n.oid = c.relnamespace
      join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
    where c.relname = $2 and (n.nspname = $1 or $1::text is null and pg_table_is_visible(c.oid))
      and c.relkind in ('r', 'p', 'v', 'm', 'f')`,
    [schema ?? null, name],
  )
  const [first] = rows
  if (!first) return undefined
  return { columns: new Map(rows.map(({ column, type, readable }) => [column, { type, readable }])), filtered: first.filtered }
}

async function isSandbox(session: PostgresSession): Promise<boolean> {
  const [there] = await session.query<{ there: boolean }>(`select to_regclass('recon_sandbox.marker') is not null as there`)
  if (!there?.there) return false
  const rows = await session.query(
    'select from recon_sandbox.marker m join pg_control_system() s on m.system_identifier = s.system_identifier::text',
  )
  return rows.length > 0
}
