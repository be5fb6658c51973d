import { unprovenLegs } from '../../checks/custom/custom-check.ts'
import { type InspectedStores, inspectRelation } from '../../checks/custom/inspect-relation.ts'
import type { LegContext } from '../../epoch/leg.ts'
import type { Config } from '../config/config.ts'
import { attempt } from './attempt.ts'
import { type Finding, fail, ok, warn } from './finding.ts'

/** Holds the SQL of each enabled relation of the configuration to the live schema, each by itself. */
export async function examineRelations(
  stores: InspectedStores,
  { checks, relations }: Config,
  context: LegContext,
): Promise<readonly Finding[]> {
  const findings: Finding[] = []
  for (const [name, relation] of Object.entries(relations)) {
    if (!checks[name]?.enabled) continue
    const id = `relations.${name}`
    const { findings: found } = await attempt(id, id, context, async within => {
      const problems = await inspectRelation(relation, stores, within)
      if (problems.length > 0) return problems.map(problem => fail(id, problem, `change the SQL under ${id} in recon.yaml, or the stores`))
      return [
        ok(id, 'its SQL fits the stores'),
        ...unprovenLegs(relation).map(leg => warn(id, leg, 'count the facts that the watermark vouches for under horizon.rows')),
      ]
    })
    findings.push(...found)
  }
  return findings
}
