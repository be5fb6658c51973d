import { chown, mkdir, mkdtemp, realpath, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseError } from 'pg'
import { ReconError } from '../../epoch/recon-error.ts'
import { type Engine, portInUse, startEngine } from './engine.ts'
import { withPort } from './free-port.ts'
import { keepServer } from './kept-server.ts'
import { canReach, postgresFolder, postgresUser, reachableBinaries, type ServerUser } from './postgres-binaries.ts'
import { withPostgres } from './postgres-client.ts'

/** A PostgreSQL server of ours. */
export interface PostgresEngine extends Engine {
  /** The address of a database on this server, as its superuser. */
  url(database: string): string
}

/** How to start a PostgreSQL server; everything may be left out. */
export interface PostgresOptions {
  /** Where the data lives and stays. Absent: a temporary folder that goes with the server, and no waiting for the disk. */
  readonly folder?: string
  /** A port of 127.0.0.1; absent: a free one. */
  readonly port?: number
  /** Aborts the start. A server that is up is ended with `stop`. */
  readonly signal?: AbortSignal
  /** Receives each line that the server logs. */
  readonly log?: (line: string) => void
  readonly readyTimeoutMs?: number
}

const name = 'PostgreSQL'
const user = 'postgres'
// Not a secret: the server listens on the loopback only and holds nothing but what a simulator wrote.
const password = 'sandbox'

/**
 * Starts a real PostgreSQL server on the loopback. Throws a ReconError: `port-in-use`, `data-folder-in-use`, `data-folder-unreachable`,
 * `engine-unavailable`, `engine-start-failed` or `engine-start-timeout`.
 */
export async function startPostgres(options: PostgresOptions = {}): Promise<PostgresEngine> {
  const serverUser = await postgresUser()
  const native = await postgresFolder()
  return withPort(name, options.port, async port => {
    // Also where binaries are copied to if they must be; with a data folder of its own it is the only thing that goes.
    const scratch = await makeScratch(serverUser)
    try {
      return await startOn(port, scratch, native, serverUser, options)
    } catch (error) {
      await rm(scratch, { recursive: true, force: true })
      throw error
    }
  })
}

async function startOn(
  port: number,
  scratch: string,
  native: string,
  serverUser: ServerUser | undefined,
  options: PostgresOptions,
): Promise<PostgresEngine> {
  if (serverUser !== undefined) await chown(scratch, serverUser.uid, serverUser.gid)
  const binaries = await reachableBinaries(native, serverUser, join(scratch, 'binaries'))
  const folder = options.folder ?? join(scratch, 'data')
  await mkdir(folder, { recursive: true, mode: 0o700 })
  if (serverUser !== undefined) await chown(folder, serverUser.uid, serverUser.gid)
  const dataFolder = await realpath(folder)
  const reachable = reachableData(dataFolder, serverUser)
  const exists = await stat(join(dataFolder, 'PG_VERSION')).then(
    () => true,
    () => false,
  )
  const passwordFile = join(scratch, 'password')
  await writeFile(passwordFile, password)
  if (serverUser !== undefined) await chown(passwordFile, serverUser.uid, serverUser.gid)
  const temporary = options.folder === undefined
  const server = keepServer(
    {
      command: join(binaries, 'bin', 'postgres'),
      args: ['-D', reachable, '-p', String(port), ...settings(temporary)],
      ...(exists ? {} : { prepare: initdb(binaries, reachable, passwordFile, temporary) }),
      ...(serverUser === undefined ? {} : { user: { uid: serverUser.uid, gid: serverUser.gid } }),
      cwd: dataFolder,
      // Data that is to stay gets a checkpoint; data that goes does not need one.
      stopSignal: temporary ? 'SIGQUIT' : 'SIGINT',
      stopTimeoutMs: 20_000,
      temporaryFolders: [scratch],
    },
    options.log,
  )
  const url = (database: string) => `postgres://${user}:${password}@127.0.0.1:${port}/${encodeURIComponent(database)}`
  const engine = await startEngine(
    {
      name,
      port,
      dataFolder,
      readyTimeoutMs: options.readyTimeoutMs ?? 60_000,
      ready: pid => answers(url('postgres'), pid, port),
    },
    server,
    options.signal,
  )
  return { ...engine, url }
}

function settings(temporary: boolean): string[] {
  const values: Record<string, string> = {
    listen_addresses: '127.0.0.1',
    unix_socket_directories: '',
    max_connections: '200',
    shared_buffers: '256MB',
    max_wal_size: '4GB',
    timezone: 'UTC',
    log_timezone: 'UTC',
    // Data that goes anyway need not survive the machine. It must survive the server, so commits still wait for the operating system.
    ...(temporary ? { fsync: 'off', full_page_writes: 'off' } : {}),
  }
  return Object.entries(values).flatMap(([key, value]) => ['-c', `${key}=${value}`])
}

function initdb(binaries: string, dataFolder: string, passwordFile: string, temporary: boolean): { command: string; args: string[] } {
  // A collation that is not byte order, like most production databases have: whatever forgets to ask for byte order is found out here.
  const locale = ['--encoding=UTF8', '--locale=C', '--locale-provider=icu', '--icu-locale=en-US']
  const args = [`--pgdata=${dataFolder}`, `--username=${user}`, `--pwfile=${passwordFile}`, '--auth=scram-sha-256', '--no-instructions']
  return { command: join(binaries, 'bin', 'initdb'), args: [...args, ...locale, ...(temporary ? ['--no-sync'] : [])] }
}

async function answers(url: string, pid: number, port: number): Promise<boolean> {
  let answering: number
  try {
    answering = await withPostgres(url, async client => {
      const { rows } = await client.query<{ file: string }>(`select pg_read_file('postmaster.pid') as file`)
      return Number.parseInt(rows[0]?.file ?? '', 10)
    })
  } catch (error) {
    // Not listening yet, or still starting (57P03). A server that is not ours may refuse us; then ours ends and says why.
    if (error instanceof DatabaseError || (error instanceof Error && 'code' in error)) return false
    throw error
  }
  if (answering !== pid) throw portInUse(name, port)
  return true
}

/** A folder for what goes with the server, where the server's user can reach it: root's TMPDIR may be closed to others. */
async function makeScratch(serverUser: ServerUser | undefined): Promise<string> {
  const parent =
    serverUser === undefined ? tmpdir() : ([tmpdir(), '/tmp', '/var/tmp'].find(folder => canReach(folder, serverUser)) ?? tmpdir())
  return mkdtemp(join(parent, 'recon-postgres-'))
}

/**
 * What PostgreSQL is told its data folder is. Where root keeps the data in a folder closed to the server's user, as `mktemp -d` makes them, the
 * server is put into the folder and told to stay where it is; only Linux has a path for that.
 */
function reachableData(dataFolder: string, serverUser: ServerUser | undefined): string {
  if (serverUser === undefined || canReach(dataFolder, serverUser)) return dataFolder
  if (process.platform === 'linux') return '/proc/self/cwd'
  throw new ReconError(
    'data-folder-unreachable',
    `PostgreSQL does not run as root but as ${serverUser.name}, who cannot reach ${dataFolder}: give a folder below one that everybody may enter, or run as another user`,
  )
}
