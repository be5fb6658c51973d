import { CUSTODY_CHECK_NAMES } from '../../checks/builtin.ts'
import type { LegContext } from '../../epoch/leg.ts'
import { custodianProblems, openCustody } from '../check/custody.ts'
import type { Config } from '../config/config.ts'
import { attempt, EXAMINATION_TIMEOUT_MS } from './attempt.ts'
import { type Finding, fail, ok, warn } from './finding.ts'

const ID = 'custodian.reachable'

/** Asks the custodian what it holds, where an enabled check asks it. */
export async function examineCustodian(config: Config, context: LegContext): Promise<readonly Finding[]> {
  const [asking] = CUSTODY_CHECK_NAMES.filter(name => config.checks[name]?.enabled)
  if (asking === undefined) return []
  if (config.custodian.url === undefined) {
    const remedy = `set RECON_CUSTODIAN_URL and RECON_CUSTODIAN_API_KEY, or disable the check`
    return [warn(ID, `no custodian is configured: check --all leaves ${asking} out`, remedy)]
  }
  const problems = custodianProblems([asking], config)
  if (problems.length > 0) return problems.map(({ source, message }) => fail(ID, `${source} ${message}`, `set ${source}`))
  const { findings } = await attempt(ID, 'RECON_CUSTODIAN_URL', context, async within => {
    const custody = openCustody(asking, config, undefined)
    if (!custody) throw new Error('a custodian that is configured can be opened')
    try {
      const balances = await custody.custodian.balances(within.clock.monotonicMs() + EXAMINATION_TIMEOUT_MS, within)
      const assets = [...new Set(balances.map(({ asset }) => asset))].sort()
      const vaults = custody.custodian.vaults.join(', ')
      if (assets.length === 0) return [warn(ID, `the custodian answers, and holds nothing in ${vaults}`, 'see custodian.vaults')]
      return [ok(ID, `the custodian answers, and holds ${assets.join(', ')} in ${vaults}`)]
    } finally {
      await custody.custodian.close()
    }
  })
  return findings
}
