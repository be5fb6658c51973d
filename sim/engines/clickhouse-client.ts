import { type ClickHouseClient, ClickHouseLogLevel, createClient } from '@clickhouse/client'

/** Makes a client for an address, does the work and closes it, whatever happens. For set-up and tests; checks go through stores/. */
export async function withClickHouse<T>(url: string, work: (client: ClickHouseClient) => Promise<T>): Promise<T> {
  // The client logs to the console what it also throws.
  const client = createClient({ url, request_timeout: 30_000, log: { level: ClickHouseLogLevel.OFF } })
  try {
    return await work(client)
  } finally {
    await client.close()
  }
}
