import { randomUUID } from 'node:crypto'
import { mkdir, mkdtemp, realpath, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type ClickHouseUser, serverConfig, usersConfig } from './clickhouse-config.ts'
import { type Engine, portInUse, startEngine } from './engine.ts'
import { freePort, withPort } from './free-port.ts'
import { keepServer } from './kept-server.ts'
import { compiledEntry } from './package-root.ts'

/** A ClickHouse server of ours, out of libchdb. */
export interface ClickHouseEngine extends Engine {
  /** The port of the native protocol, for Distributed tables. */
  readonly tcpPort: number
  /** The HTTP address of a database on this server, as `default` or as a user that was configured. */
  url(database: string, user?: ClickHouseUser): string
}

/** How to start a ClickHouse server; everything may be left out. */
export interface ClickHouseOptions {
  /** Where the data lives and stays. Absent: a temporary folder that goes with the server. */
  readonly folder?: string
  /** The HTTP port of 127.0.0.1; absent: a free one. */
  readonly port?: number
  /** Users beside `default`. */
  readonly users?: readonly ClickHouseUser[]
  /** Aborts the start. A server that is up is ended with `stop`. */
  readonly signal?: AbortSignal
  /** Receives each line that the server logs. */
  readonly log?: (line: string) => void
  readonly readyTimeoutMs?: number
}

const name = 'ClickHouse'

/**
 * Starts a real ClickHouse server on the loopback. Throws a ReconError: `port-in-use`, `data-folder-in-use`, `engine-start-failed` or
 * `engine-start-timeout`. It ends at once, with what it has written: rows of MergeTree tables are on disk as soon as their insert returns.
 */
export async function startClickHouse(options: ClickHouseOptions = {}): Promise<ClickHouseEngine> {
  return withPort(name, options.port, async port => {
    const scratch = await mkdtemp(join(tmpdir(), 'recon-clickhouse-'))
    try {
      return await startOn(port, scratch, options)
    } catch (error) {
      await rm(scratch, { recursive: true, force: true })
      throw error
    }
  })
}

async function startOn(port: number, scratch: string, options: ClickHouseOptions): Promise<ClickHouseEngine> {
  const folder = options.folder ?? join(scratch, 'data')
  await mkdir(folder, { recursive: true, mode: 0o700 })
  const dataFolder = await realpath(folder)
  const tcpPort = await freePort()
  const token = randomUUID()
  const config = join(scratch, 'config.xml')
  await writeFile(config, serverConfig(token, join(scratch, 'users.xml')))
  await writeFile(join(scratch, 'users.xml'), usersConfig(options.users ?? []))
  const server = keepServer(
    {
      command: process.execPath,
      args: [
        compiledEntry('sim/engines/clickhouse-server.ts'),
        ...['--config-file', config, '--path', dataFolder],
        ...['--listen_host', '127.0.0.1', '--http_port', String(port), '--tcp_port', String(tcpPort)],
        // HTTP last: once it answers, everything is up. The select blocks until stdin closes.
        '--query',
        `system start listen tcp; system start listen http; select * from file('-', 'LineAsString', 'line String') format Null`,
      ],
      stopSignal: 'SIGTERM',
      stopTimeoutMs: 10_000,
      temporaryFolders: [scratch],
    },
    options.log,
  )
  const engine = await startEngine(
    { name, port, dataFolder, readyTimeoutMs: options.readyTimeoutMs ?? 60_000, ready: () => answers(port, token) },
    server,
    options.signal,
  )
  return {
    ...engine,
    tcpPort,
    url: (database, user) => {
      const login = user === undefined ? 'default' : `${encodeURIComponent(user.name)}:${encodeURIComponent(user.password)}`
      return `http://${login}@127.0.0.1:${port}/${encodeURIComponent(database)}`
    },
  }
}

async function answers(port: number, token: string): Promise<boolean> {
  let response: Response
  try {
    response = await fetch(`http://127.0.0.1:${port}/?query=select%201`, { signal: AbortSignal.timeout(5_000) })
    await response.arrayBuffer()
  } catch {
    // Nobody listens yet; if that does not change, the deadline says so with the server's own words.
    return false
  }
  if (response.headers.get('x-clickhouse-server-display-name') !== token) throw portInUse(name, port)
  return response.ok
}
