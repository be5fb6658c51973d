import { GenericContainer, getContainerRuntimeClient, Wait } from 'testcontainers'
import { withClickHouse } from '../../sim/engines/clickhouse-client.ts'
import { usersConfig } from '../../sim/engines/clickhouse-config.ts'
import { freePort } from '../../sim/engines/free-port.ts'
import { withPostgres } from '../../sim/engines/postgres-client.ts'
import { sandboxPassword, sandboxUsers } from '../../sim/sandbox/stores.ts'
import type { TestServer, TestServers } from './servers.ts'
import { until } from './until.ts'

const postgresImage = 'postgres:18'
const clickhouseImage = 'clickhouse/clickhouse-server:26.7'

/** Says why containers cannot be had here, or undefined where Docker answers. */
export async function containersUnavailable(): Promise<string | undefined> {
  try {
    await getContainerRuntimeClient()
    return undefined
  } catch (error) {
    return `no Docker answers (${error instanceof Error ? error.message : String(error)})`
  }
}

/** Starts the official images, on fixed ports so that a container that was killed comes back where it was. */
export async function startContainers(): Promise<TestServers> {
  const [postgres, clickhouse] = await Promise.all([startPostgresContainer(), startClickHouseContainer()])
  return {
    postgresUrl: postgres.url,
    clickhouseUrl: clickhouse.url,
    postgres: postgres.server,
    clickhouse: clickhouse.server,
    async stop() {
      await Promise.all([postgres.stop(), clickhouse.stop()])
    },
  }
}

async function startPostgresContainer() {
  const port = await freePort()
  const url = `postgres://postgres:${sandboxPassword}@127.0.0.1:${port}/postgres`
  const container = await new GenericContainer(postgresImage)
    .withEnvironment({ POSTGRES_PASSWORD: sandboxPassword, POSTGRES_INITDB_ARGS: '--locale-provider=icu --icu-locale=en-US' })
    .withCommand(['postgres', '-c', 'max_connections=200', '-c', 'fsync=off'])
    .withExposedPorts({ container: 5432, host: port })
    // The image starts a server twice: the first only to create the cluster.
    .withWaitStrategy(Wait.forLogMessage(/database system is ready to accept connections/, 2))
    .start()
  const ready = () => withPostgres(url, client => client.query('select 1'))
  return { url, server: await controlled(container.getId(), ready), stop: () => container.stop() }
}

async function startClickHouseContainer() {
  const port = await freePort()
  const url = `http://default@127.0.0.1:${port}/default`
  const container = await new GenericContainer(clickhouseImage)
    .withEnvironment({ CLICKHOUSE_SKIP_USER_SETUP: '1' })
    .withCopyContentToContainer([
      { content: usersConfig(Object.values(sandboxUsers)), target: '/etc/clickhouse-server/users.d/recon-sandbox.xml' },
    ])
    .withExposedPorts({ container: 8123, host: port })
    .withWaitStrategy(Wait.forHttp('/ping', 8123))
    .start()
  const ready = () => withClickHouse(url, client => client.command({ query: 'select 1' }))
  return { url, server: await controlled(container.getId(), ready), stop: () => container.stop() }
}

async function controlled(id: string, ready: () => Promise<unknown>): Promise<TestServer> {
  const client = await getContainerRuntimeClient()
  const container = client.container.getById(id)
  return {
    async kill() {
      await container.kill({ signal: 'SIGKILL' })
      await container.wait()
    },
    async restart() {
      await container.start()
      await until('the restarted container answers', async () => {
        try {
          await ready()
          return true
        } catch {
          return false
        }
      })
    },
    async pause() {
      await container.pause()
    },
    async resume() {
      await container.unpause()
    },
  }
}
