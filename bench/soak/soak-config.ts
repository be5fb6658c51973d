import { KNOWN_CHECKS } from '../../cli/check/registry.ts'
import { assemble } from '../../cli/config/assemble.ts'
import type { Config } from '../../cli/config/config.ts'
import { fileSchema } from '../../cli/config/schema.ts'
import type { SimCustodian } from '../../sim/custodian/custodian.ts'
import type { StoreUrls } from '../../sim/sandbox/stores.ts'
import { onOneThread } from './one-thread.ts'

/** The configuration of a soak: its own stores, and for the rest what a deployment has by default. */
export function soakConfig(urls: StoreUrls, custodian: Pick<SimCustodian, 'url' | 'apiKey' | 'vaults'>): Config {
  const file = fileSchema(KNOWN_CHECKS).parse({ custodian: { vaults: [...custodian.vaults] } })
  const secret = (value: string) => ({ value, origin: 'the soak' })
  return assemble(file, {
    postgresUrl: secret(urls.postgresUrl),
    clickhouseUrl: secret(onOneThread(urls.clickhouseUrl)),
    stateUrl: secret(urls.reconUrl),
    clickhouseStateUrl: secret(urls.clickhouseStateUrl),
    custodianUrl: secret(custodian.url),
    custodianApiKey: secret(custodian.apiKey),
  }).config
}
