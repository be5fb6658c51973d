import { type CheckName, checkNames } from '../../sim/faults/expectation.ts'
import type { StoreUrls } from '../../sim/sandbox/stores.ts'
import { needsCustodian } from '../check/custody.ts'
import { KNOWN_CHECKS } from '../check/registry.ts'
import { assemble } from '../config/assemble.ts'
import type { Config } from '../config/config.ts'
import { fileSchema } from '../config/schema.ts'

/** A check of the demo; `leftOut` says why it cannot be made here. */
export interface DemoCheck {
  readonly name: CheckName
  readonly leftOut: string | undefined
}

/** The custodian of the demo. */
export interface DemoCustodian {
  readonly url: string
  readonly apiKey: string
}

/** Every check of the product, in the order in which they are shown. */
export function shownChecks({ custodian }: Config): readonly DemoCheck[] {
  const known = checkNames.filter(name => KNOWN_CHECKS.includes(name))
  return known.map(name => ({
    name,
    leftOut: needsCustodian(name) && custodian.url === undefined ? 'the demo has no custodian' : undefined,
  }))
}

type Horizon = { readonly timeout: string } | { readonly strategy: 'settle'; readonly settle: '0s' }

/** The configuration for the demo's own stores; what the working folder or the environment say of other stores does not matter here. */
export function demoConfig(urls: StoreUrls, custodian: DemoCustodian | undefined): Config {
  // Three times the sink's greatest lag: long enough for a busy machine, short enough for rows that never come.
  return configWith(urls, custodian, { timeout: '6s' })
}

/** The same without waiting: ClickHouse is read as it stands, which is what a comparison without epochs amounts to. */
export function unpinnedConfig(urls: StoreUrls): Config {
  return configWith(urls, undefined, { strategy: 'settle', settle: '0s' })
}

/** The first answer of the custodian is its list of all opening deposits, a page at a time; later ones are short. */
function patienceOf(check: string, horizon: Horizon) {
  return needsCustodian(check) && 'timeout' in horizon ? { timeout: '40s', horizon: { timeout: '20s' } } : {}
}

function configWith(urls: StoreUrls, custodian: DemoCustodian | undefined, horizon: Horizon): Config {
  const checks = Object.fromEntries(KNOWN_CHECKS.map(name => [name, { timeout: '20s', maxMismatches: 5, ...patienceOf(name, horizon) }]))
  const file = fileSchema(KNOWN_CHECKS).parse({ horizon, checks })
  const secret = (value: string) => ({ value, origin: 'the demo' })
  return assemble(file, {
    postgresUrl: secret(urls.postgresUrl),
    clickhouseUrl: secret(urls.clickhouseUrl),
    stateUrl: secret(urls.reconUrl),
    clickhouseStateUrl: secret(urls.clickhouseStateUrl),
    ...(custodian ? { custodianUrl: secret(custodian.url), custodianApiKey: secret(custodian.apiKey) } : {}),
  }).config
}
