// The sink as a process of its own: started by the exchange, ends with it.
import { createClient } from '@clickhouse/client'
import { runChild } from './child-link.ts'
import { connectPostgres } from './connect-postgres.ts'
import { runSink } from './sink.ts'

runChild(async link => {
  const { client: postgres, lost } = await connectPostgres(link.start.postgresUrl, 'sink')
  const clickhouse = createClient({ url: link.start.clickhouseUrl, request_timeout: 30_000, max_open_connections: 4 })
  await Promise.race([runSink(link, postgres, clickhouse), lost])
  await clickhouse.close()
  await postgres.end()
})
