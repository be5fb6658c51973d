import type { ClickHouseFacts } from '../../stores/clickhouse/inspect.ts'
import { type Finding, fail, ok, warn } from './finding.ts'

const WRITING = /\b(ALL|INSERT|ALTER|CREATE|DROP|UNDROP|TRUNCATE|OPTIMIZE|DELETE|UPDATE|SYSTEM|MOVE PARTITION|ACCESS MANAGEMENT)\b/
const ID = 'clickhouse.grants'
const REMEDY =
  'give the user readonly = 2 and grant it select only: create user recon ... settings readonly = 2; grant select on the tables to recon'

/** Judges whether the user can only read. That it can change our settings is shown by the facts having been read at all. */
export function judgeReadOnly({ user, readonly, grants, sandbox }: ClickHouseFacts): Finding {
  if (readonly === '2') return ok(ID, `user ${user} reads with readonly = 2, and may set what keeps a read whole`)
  if (sandbox) return ok(ID, `user ${user} can write, which is as it should be: recon sandbox made this database`)
  if (grants === undefined) return warn(ID, `user ${user} has readonly = ${readonly}, and its grants cannot be seen`, REMEDY)
  const writing = grants.filter(grant => WRITING.test(grant.replace(/ ON .*$/, '')))
  if (writing.length > 0) return fail(ID, `user ${user} can write: ${writing.slice(0, 3).map(shorten).join('; ')}`, REMEDY)
  const roles = grants.filter(grant => !/ ON /.test(grant))
  if (roles.length > 0)
    return warn(ID, `user ${user} has roles whose grants cannot be seen here: ${roles.slice(0, 3).map(shorten).join('; ')}`, REMEDY)
  return ok(ID, `user ${user} has no grant to write`)
}

function shorten(grant: string): string {
  return grant.length > 80 ? `${grant.slice(0, 77)}...` : grant
}
