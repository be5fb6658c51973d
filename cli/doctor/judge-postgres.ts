import type { PostgresFacts, PostgresTable } from '../../stores/postgres/inspect.ts'
import type { PostgresNeed } from './check-needs.ts'
import { STAMP_NEED } from './column-needs.ts'
import { type Finding, fail, ok, warn } from './finding.ts'
import { judgeColumns } from './judge-columns.ts'

/** The oldest PostgreSQL that has all that the checks ask of it (pg_terminate_backend with a time-out is of 14). */
const VERSION_NUMBER_MIN = 140_000

/** Judges what PostgreSQL says of itself; `facts.tables` holds the tables that are needed, in their order. */
export function judgePostgres(facts: PostgresFacts, needs: readonly PostgresNeed[]): readonly Finding[] {
  const tables = needs.map((need, at) => ({ need, found: facts.tables[at] }))
  return [
    judgeVersion(facts),
    judgeEncoding(facts),
    ...tables.map(({ need, found }) => judgeTable(need, found)),
    ...judgeRowSecurity(tables),
    ...judgeStamps(needs),
    judgeGrants(facts),
  ]
}

function judgeVersion({ version, versionNumber }: PostgresFacts): Finding {
  const id = 'postgres.version'
  if (versionNumber >= VERSION_NUMBER_MIN) return ok(id, `PostgreSQL ${version}`)
  return fail(id, `PostgreSQL ${version} is older than 14`, 'upgrade the server to PostgreSQL 14 or newer')
}

/** Names are compared by their UTF-8 bytes, into which the server turns them; SQL_ASCII means that it does not know what they are written in. */
function judgeEncoding({ encoding }: PostgresFacts): Finding {
  const id = 'postgres.encoding'
  if (encoding === 'UTF8') return ok(id, 'text is written in UTF-8')
  if (encoding !== 'SQL_ASCII') return ok(id, `text is written in ${encoding}, and names are compared by their UTF-8 bytes`)
  return warn(
    id,
    'the database has the encoding SQL_ASCII: it holds any bytes, and a name that is not UTF-8 cannot be read',
    'see that every name is valid UTF-8, or move the data to a database with encoding UTF8',
  )
}

function judgeTable(need: PostgresNeed, found: PostgresTable | undefined): Finding {
  const stamps = Object.fromEntries(Object.values(need.mapped.stamps).map(column => [column, STAMP_NEED]))
  const columns = { ...need.columns, ...stamps }
  const finding = judgeColumns(`postgres.tables.${need.name}`, 'PostgreSQL', { ...need, columns }, found?.columns)
  // No check stands or falls with a table that none reads.
  return need.checks.length === 0 && finding.status === 'fail' ? { ...finding, status: 'warn' } : finding
}

function judgeRowSecurity(
  tables: readonly { readonly need: PostgresNeed; readonly found: PostgresTable | undefined }[],
): readonly Finding[] {
  const filtered = tables.filter(({ found }) => found?.filtered).map(({ need }) => need.name)
  if (filtered.length === 0) return []
  const what = `row-level security would hide rows of the ${filtered.join(' and ')} from the role`
  return [fail('postgres.row-security', what, 'exempt the role: alter role ... bypassrls')]
}

function judgeStamps(needs: readonly PostgresNeed[]): readonly Finding[] {
  const unstamped = needs.flatMap(({ name, mapped, stampedBy }) =>
    stampedBy.filter(stream => !Object.hasOwn(mapped.stamps, stream)).map(stream => ({ name, stream })),
  )
  return [...new Set(unstamped.map(({ stream }) => stream))].map(stream => {
    const names = unstamped.filter(each => each.stream === stream).map(({ name }) => name)
    return warn(
      `postgres.stamps.${stream}`,
      `no column of the ${names.join(' and ')} is stamped by stream ${stream}, so a torn cut of it goes unnoticed`,
      `name the column under ${names.map(name => `tables.postgres.${name}.stamps`).join(' and ')}, if that stream changes such rows`,
    )
  })
}

function judgeGrants({ role, superuser, writable, sandbox }: PostgresFacts): Finding {
  const id = 'postgres.grants'
  if (writable.length === 0 && !superuser) return ok(id, `role ${role} can read and cannot write`)
  if (sandbox) return ok(id, `role ${role} can write, which is as it should be: recon sandbox made this database`)
  const named = writable.slice(0, 3).map(({ table, privileges }) => `${table} (${privileges.join(', ')})`)
  const more = writable.length > named.length ? ' and others' : ''
  const what = superuser ? `role ${role} is a superuser` : `role ${role} can write to ${named.join(', ')}${more}`
  return fail(id, what, 'use a role of its own that can only select: create role recon login; grant pg_read_all_data to recon')
}
