import type { PostgresFacts } from '../../stores/postgres/inspect.ts'
import type { Config } from '../config/config.ts'
import { BALANCES_NEED, STAMP_NEED } from './column-needs.ts'
import { type Finding, fail, ok, warn } from './finding.ts'
import { judgeColumns } from './judge-columns.ts'

/** The oldest PostgreSQL that has all that the checks ask of it (pg_terminate_backend with a time-out is of 14). */
const VERSION_NUMBER_MIN = 140_000

/** Judges what PostgreSQL says of itself; `facts.tables` holds the balances first. */
export function judgePostgres(facts: PostgresFacts, { tables, streams }: Config): readonly Finding[] {
  return [
    judgeVersion(facts),
    judgeEncoding(facts),
    ...judgeBalances(facts, tables.postgres.balances, Object.keys(streams)),
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

function judgeBalances(
  { tables: [balances] }: PostgresFacts,
  mapped: Config['tables']['postgres']['balances'],
  streams: readonly string[],
): readonly Finding[] {
  const stamps = Object.fromEntries(Object.values(mapped.stamps).map(column => [column, STAMP_NEED]))
  const columns = judgeColumns('postgres.tables.balances', 'PostgreSQL', mapped, { ...BALANCES_NEED, ...stamps }, balances?.columns)
  const unstamped = streams.filter(stream => !Object.hasOwn(mapped.stamps, stream))
  return [
    columns,
    ...(balances?.filtered
      ? [fail('postgres.row-security', 'row-level security would hide balances from the role', 'exempt the role: alter role ... bypassrls')]
      : []),
    ...unstamped.map(stream =>
      warn(
        `postgres.stamps.${stream}`,
        `no column of the balances is stamped by stream ${stream}, so a torn cut of it goes unnoticed`,
        'name the column under tables.postgres.balances.stamps, if that stream changes balances',
      ),
    ),
  ]
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
