import { Client } from 'pg'

/** A connection, and a promise that rejects when the server ends it. */
export interface Connected {
  readonly client: Client
  readonly lost: Promise<never>
}

/** Connects a process of the exchange, under its role's name; never waits longer than ten seconds. */
export async function connectPostgres(url: string, role: string): Promise<Connected> {
  const client = new Client({ connectionString: url, application_name: `recon-sim ${role}`, connectionTimeoutMillis: 10_000 })
  const lost = new Promise<never>((_, reject) => {
    client.on('error', error => reject(new Error(`the ${role} lost its connection to PostgreSQL: ${error.message}`, { cause: error })))
  })
  // Whoever races against it hears of it; nobody else needs to.
  lost.catch(() => undefined)
  await client.connect()
  return { client, lost }
}
