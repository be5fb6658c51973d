import { Client } from 'pg'

/** Connects, does the work and disconnects, whatever happens. For set-up and tests; checks go through stores/. */
export async function withPostgres<T>(url: string, work: (client: Client) => Promise<T>): Promise<T> {
  const client = new Client({ connectionString: url, connectionTimeoutMillis: 10_000 })
  // A server that dies between two statements is reported by the next statement.
  client.on('error', () => undefined)
  await client.connect()
  try {
    return await work(client)
  } finally {
    await client.end()
  }
}
