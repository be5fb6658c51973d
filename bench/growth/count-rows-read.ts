import type { ClickHouseClient } from '@clickhouse/client'

/**
 * Does some work and gives how many rows all statements of the server read from its tables meanwhile: what a run costs, whatever else the machine is busy with.
 * Right where nobody else asks the server anything.
 */
export async function countRowsRead<T extends object>(
  clickhouse: ClickHouseClient,
  work: () => Promise<T>,
): Promise<T & { readonly rowsRead: number }> {
  const before = await selectedRows(clickhouse)
  const result = await work()
  return { ...result, rowsRead: (await selectedRows(clickhouse)) - before }
}

async function selectedRows(clickhouse: ClickHouseClient): Promise<number> {
  const result = await clickhouse.query({ query: `select value from system.events where event = 'SelectedRows'`, format: 'JSON' })
  const { data } = await result.json<{ value: string }>()
  return Number(data[0]?.value ?? 0)
}
