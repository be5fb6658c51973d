import type pg from 'pg'

/** Runs `work` in one transaction, which is rolled back when it fails. What the rollback itself says is left out: the connection is dropped then. */
export async function inTransaction<T>(client: pg.ClientBase, work: () => Promise<T>): Promise<T> {
  await client.query('begin')
  try {
    const result = await work()
    await client.query('commit')
    return result
  } catch (error) {
    await client.query('rollback').catch(() => undefined)
    throw error
  }
}
