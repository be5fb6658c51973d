import type { LegContext } from '../../epoch/leg.ts'
import { StoreError } from '../../epoch/store-error.ts'
import type { QueryColumn } from '../query-column.ts'
import type { ClickHouseConnection } from './connection.ts'
import { innerType } from './inner-type.ts'
import { queryParameters } from './query.ts'

const WHOLE = /^U?Int(8|16|32|64|128|256)$/
const DECIMAL = /^Decimal\(/
const MATCHABLE = /^(String|UUID|Date|Date32|Bool|Enum(8|16)\(.*\))$/

/**
 * What a select gives, by the live schema; nothing is read, save for what scalar subqueries need, as of epoch 0. A select that the server refuses as it is written comes back as the refusal. Rejects with `StoreError`
 * where the server cannot be asked.
 */
export async function describeClickHouseQuery(
  connection: ClickHouseConnection,
  streams: readonly string[],
  sql: string,
  context: LegContext,
): Promise<readonly QueryColumn[] | StoreError> {
  try {
    const rows = await connection.rows(`describe (\n${sql}\n)`, queryParameters(streams, {}, {}), context)
    return rows.map(row => {
      const type = String(row['type'])
      const inner = innerType(type)
      const whole = WHOLE.test(inner)
      return { name: String(row['name']), type, whole, exact: whole || DECIMAL.test(inner), matchable: whole || MATCHABLE.test(inner) }
    })
  } catch (error) {
    // The server has a number of its own for each way in which SQL can be wrong; what it is reached by, and may be read, has other reasons.
    const refused = error instanceof StoreError && !error.retryable && ['schema-mismatch', 'store-error'].includes(error.reasonCode)
    if (refused) return error
    throw error
  }
}
