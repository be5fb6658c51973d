import { addAbortSignal } from 'node:stream'
import { to as copyTo } from 'pg-copy-streams'
import type { CanaryRow } from '../../epoch/canary.ts'
import type { DrainedRows, ReadContext } from '../../epoch/leg.ts'
import { Spool } from '../spool.ts'
import { quoteIdentifier } from './identifiers.ts'
import type { PostgresRows } from './postgres-rows.ts'
import type { PostgresSession } from './session.ts'

/**
 * Reads the rows in the session's transaction at the store's full speed, as canonical lines, the canary that the context asks for among them, and commits.
 * Rejects with `StoreError`.
 */
export async function drainRows(
  session: PostgresSession,
  rows: PostgresRows,
  memoryBytesMax: number,
  { signal, canary }: ReadContext,
): Promise<DrainedRows> {
  const spool = new Spool(memoryBytesMax)
  try {
    const copied = await copyInto(spool, session, copyStatement(rows, await serverEncoding(session), canary), signal)
    await session.query('commit')
    return {
      rows: canary ? copied - 1n : copied,
      bytes: spool.bytes,
      lines: () => spool.lines(),
      dispose: () => spool.dispose(),
    }
  } catch (error) {
    await spool.dispose()
    throw error
  }
}

async function serverEncoding(session: PostgresSession): Promise<string> {
  const [row] = await session.query<{ encoding: string }>(`select current_setting('server_encoding') as encoding`)
  return row?.encoding ?? ''
}

/**
 * The rows in the order and form that the diff expects: keys in the order of their UTF-8 bytes, numbers without trailing zeros. The C collation
 * orders by the bytes of the server's encoding, so that any other than UTF-8 is converted for the order.
 */
function copyStatement({ rows, shape }: PostgresRows, encoding: string, canary: CanaryRow | undefined): string {
  const sortsAsUtf8 = encoding === 'UTF8' || encoding === 'SQL_ASCII'
  const keys = shape.keys.map((key, at) => `r.${quoteIdentifier(key)}::text as k${at}`)
  const values = shape.values.map((value, at) => `trim_scale(r.${quoteIdentifier(value)}) as v${at}`)
  const order = shape.keys.map((_, at) => (sortsAsUtf8 ? `k${at} collate "C"` : `convert_to(k${at}, 'UTF8')`))
  const literal = canary ? ` union all select ${[...keys.map(() => `'${canary.key}'`), ...values.map(() => canary.value)].join(', ')}` : ''
  return `copy (select * from (select ${[...keys, ...values].join(', ')} from (${rows}) as r${literal}) as c order by ${order.join(', ')}) to stdout`
}

async function copyInto(spool: Spool, session: PostgresSession, sql: string, signal: AbortSignal): Promise<bigint> {
  try {
    signal.throwIfAborted()
    const stream = addAbortSignal(signal, session.client.query(copyTo(sql)))
    for await (const chunk of stream) await spool.write(chunk)
    return BigInt(stream.rowCount)
  } catch (error) {
    throw session.translate(error)
  }
}
