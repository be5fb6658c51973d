import { columnOf } from '../../checks/reference-model.ts'
import type { TableNeed } from './check-needs.ts'
import { type Finding, fail, ok, warn } from './finding.ts'

/** What the checks need of a column: the types that are right, and those that work but hold less than the reference model. */
export interface ColumnNeed {
  readonly right: RegExp
  readonly works: RegExp
  /** The reference type, for the message. */
  readonly reference: string
  /** What may go wrong with a type that only works. */
  readonly risk: string
}

/** A column as found: its type, and whether the role may read it. */
export interface FoundColumn {
  readonly type: string
  readonly readable: boolean
}

/**
 * Compares the columns that the checks need of a table with those that are there; one finding for the table, naming every column that is not right,
 * and where something is not, the checks that need it.
 */
export function judgeColumns(
  id: string,
  store: string,
  { mapped, columns, checks }: Pick<TableNeed, 'mapped' | 'columns' | 'checks'>,
  found: ReadonlyMap<string, FoundColumn> | undefined,
): Finding {
  const table = mapped.schema === undefined ? mapped.name : `${mapped.schema}.${mapped.name}`
  const readBy = `read by ${checks.length === 0 ? 'recon explain' : checks.join(', ')}`
  if (!found)
    return fail(
      id,
      `${store} has no table ${table}, or none that the role may see; it is ${readBy}`,
      'create it, grant select on it, or map its name under tables in recon.yaml',
    )
  const judged = Object.entries(columns).map(([reference, need]) => judgeColumn(columnOf(mapped, reference), need, found))
  const broken = judged.flatMap(({ broken: problem }) => problem ?? [])
  const risky = judged.flatMap(({ risky: problem }) => problem ?? [])
  const problems = [...broken, ...risky].join('; ')
  if (broken.length > 0)
    return fail(
      id,
      `table ${table}, ${readBy}: ${problems}`,
      'change the column, grant select on it, or map another name under tables in recon.yaml',
    )
  if (risky.length > 0) return warn(id, `table ${table}, ${readBy}: ${problems}`, 'give the column the type of the reference model')
  return ok(id, `table ${table} has the ${judged.length} columns that the checks need, with their types`)
}

function judgeColumn(name: string, need: ColumnNeed, columns: ReadonlyMap<string, FoundColumn>): { broken?: string; risky?: string } {
  const column = columns.get(name)
  if (!column) return { broken: `column ${name} is missing (${need.reference})` }
  if (!column.readable) return { broken: `column ${name} may not be read by the role` }
  if (need.right.test(column.type)) return {}
  if (need.works.test(column.type)) return { risky: `column ${name} is ${column.type} and not ${need.reference}: ${need.risk}` }
  return { broken: `column ${name} is ${column.type} and must be ${need.reference}` }
}
