import type { LegContext } from '../../epoch/leg.ts'
import { StoreError } from '../../epoch/store-error.ts'
import type { ClickHouseConnection } from './connection.ts'
import type { TableName } from './identifiers.ts'
import { innerType } from './inner-type.ts'
import { queryParameters } from './query.ts'

/**
 * The tables that a select reads by name, views as themselves; undefined where the server does not tell, or where the select reads what has no name, such as
 * another server's table.
 */
export async function queryTables(
  connection: ClickHouseConnection,
  sql: string,
  streams: readonly string[],
  context: LegContext,
): Promise<readonly TableName[] | undefined> {
  const tree = await explainTree(connection, sql, streams, context)
  if (tree.length === 0 || tree.some(line => /\bTABLE_FUNCTION id: \d+/.test(line))) return undefined
  const names = new Set(tree.flatMap(line => /\bTABLE id: \d+.*\btable_name: ([^,]+)/.exec(line)?.[1] ?? []))
  return [...names].flatMap(name => {
    const [, database = '', table = ''] = /^([^.]+)\.(.+)$/.exec(name) ?? []
    return database === 'system' ? [] : [{ database: unquoted(database), name: unquoted(table) }]
  })
}

/**
 * Where the arithmetic of a select is not exact, in words. The columns that it gives do not show it: a sum of Decimal(38, 18) is one itself and overflows without an
 * error, and so does a product; a float that was cast back to a decimal has lost its digits all the same.
 */
export async function inexactArithmetic(
  connection: ClickHouseConnection,
  sql: string,
  streams: readonly string[],
  context: LegContext,
): Promise<readonly string[]> {
  const tree = await explainTree(connection, sql, streams, context)
  const functions = tree.flatMap(line => {
    const [, name, kind, type] = /FUNCTION id: \d+.*function_name: (\w+), function_type: (\w+), result_type: (.+)$/.exec(line) ?? []
    return name === undefined || kind === undefined || type === undefined ? [] : [{ name, kind, type }]
  })
  return [...new Set(functions.flatMap(({ name, kind, type }) => inexact(name, kind, innerType(type)) ?? []))]
}

function inexact(name: string, kind: string, type: string): string | undefined {
  if (/\bFloat\d+|\bBFloat16/.test(type)) return `${name} gives ${type}, which is not exact`
  const narrow = /^Decimal\((\d+), \d+\)$/.exec(type)
  const decimal = narrow !== null && Number(narrow[1]) <= 38
  if (kind === 'aggregate' && name.startsWith('sum') && (decimal || /^U?Int(8|16|32|64)$/.test(type))) {
    return `${name} gives ${type}, which overflows silently; widen what is summed, as in sum(toDecimal256(amount, 18))`
  }
  if (name === 'multiply' && decimal) return `a product is ${type}, which overflows silently; widen a factor, as in toDecimal256(price, 18)`
  return undefined
}

/** The query tree as it was written, before the server rewrites it; no lines where the server has none to show. */
async function explainTree(
  connection: ClickHouseConnection,
  sql: string,
  streams: readonly string[],
  context: LegContext,
): Promise<readonly string[]> {
  try {
    const rows = await connection.rows(
      `explain query tree run_passes = 1, passes = 1\nselect * from (\n${sql}\n) as r`,
      queryParameters(streams, {}, {}),
      context,
    )
    return rows.map(row => String(row['explain']))
  } catch (error) {
    // A server with the old analyzer has no query tree; what is known without it is known all the same.
    if (error instanceof StoreError && !error.retryable && (error.reasonCode === 'store-error' || error.reasonCode === 'schema-mismatch'))
      return []
    throw error
  }
}

function unquoted(name: string): string {
  return name.replaceAll('`', '')
}
