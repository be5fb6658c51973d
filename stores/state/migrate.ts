import { existsSync, readdirSync } from 'node:fs'
import { dirname, join, parse } from 'node:path'
import { runner } from 'node-pg-migrate'
import pg from 'pg'
import { ReconError } from '../../epoch/recon-error.ts'

// Two of our migrators exclude each other; another program that uses node-pg-migrate on the same server does not hold us up.
const LOCK_ID = 7_130_210_877

const ignore = () => undefined

/**
 * Brings recon's own database up to this version: schema `recon`, migrations in order, under an advisory lock that a second migrator waits
 * for, all in one transaction. Throws `ReconError` with code `state-newer` when a later version has been here.
 */
export async function migrateState(client: pg.ClientBase): Promise<void> {
  const folder = migrationsFolder()
  const known = readdirSync(folder)
    .filter(name => name.endsWith('.sql'))
    .map(name => parse(name).name)
  const before = await appliedMigrations(client)
  refuseNewer(before, known)
  if (before.length === known.length) return
  try {
    await runner({
      dbClient: client,
      dir: folder,
      direction: 'up',
      migrationsTable: 'migrations',
      migrationsSchema: 'recon',
      createMigrationsSchema: true,
      singleTransaction: true,
      checkOrder: false,
      lockValue: LOCK_ID,
      advisoryLockMode: 'wait',
      logger: { info: ignore, warn: ignore, error: ignore },
    })
  } catch (error) {
    // The runner wraps some of the driver's errors in prose; what the server said is underneath.
    if (error instanceof Error && error.cause instanceof pg.DatabaseError) throw error.cause
    throw error
  }
  // A newer version may have held the lock while we waited for it.
  refuseNewer(await appliedMigrations(client), known)
}

async function appliedMigrations(client: pg.ClientBase): Promise<readonly string[]> {
  const { rows } = await client.query<{ present: boolean }>("select to_regclass('recon.migrations') is not null as present")
  if (!rows[0]?.present) return []
  const applied = await client.query<{ name: string }>('select name from recon.migrations order by id')
  return applied.rows.map(({ name }) => name)
}

function refuseNewer(applied: readonly string[], known: readonly string[]): void {
  const unknown = applied.filter(name => !known.includes(name))
  if (unknown.length === 0) return
  throw new ReconError(
    'state-newer',
    `recon's own database (RECON_STATE_URL) was migrated by a newer recon-engine (${unknown.join(', ')}); run that version, or give this one a database of its own`,
  )
}

/** The folder stands in the package and is not copied to dist/, so it is looked for from this file upwards. */
function migrationsFolder(): string {
  for (let folder = import.meta.dirname; folder !== dirname(folder); folder = dirname(folder)) {
    const candidate = join(folder, 'stores', 'state', 'migrations')
    if (existsSync(candidate)) return candidate
  }
  throw new ReconError('package-incomplete', 'the folder stores/state/migrations is missing from the installed package; install it again')
}
