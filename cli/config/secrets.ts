import { ReconError } from '../../epoch/recon-error.ts'
import { requestSigner } from '../../stores/custodian/request-signature.ts'
import { clickHouseUrlProblems } from './clickhouse-url.ts'
import { postgresUrlProblems } from './postgres-url.ts'
import type { ConfigPath } from './yaml-file.ts'

/** A value that recon.yaml may not hold: it comes from the variable, or from the file that the key names. The variable wins. */
export interface SecretSource {
  readonly name: SecretName
  readonly variable: string
  /** The key of recon.yaml that names a file with the value; the path is relative to recon.yaml. */
  readonly fileKey: ConfigPath
  readonly form: 'postgres-url' | 'clickhouse-url' | 'http-url' | 'key' | 'header-key' | 'signing-key'
}

/** The secrets, by the names that `readSecrets` gives them. */
export type SecretName =
  | 'postgresUrl'
  | 'shadowPostgresUrl'
  | 'clickhouseUrl'
  | 'stateUrl'
  | 'clickhouseStateUrl'
  | 'custodianUrl'
  | 'custodianApiKey'
  | 'custodianSigningKey'
  | 'httpToken'
  | 'decisionKey'

/** Every secret and where it may come from. URLs are secrets, since they carry passwords. */
export const SECRET_SOURCES: readonly SecretSource[] = [
  { name: 'postgresUrl', variable: 'RECON_POSTGRES_URL', fileKey: ['stores', 'postgresUrlFile'], form: 'postgres-url' },
  { name: 'shadowPostgresUrl', variable: 'RECON_SHADOW_POSTGRES_URL', fileKey: ['stores', 'shadowPostgresUrlFile'], form: 'postgres-url' },
  { name: 'clickhouseUrl', variable: 'RECON_CLICKHOUSE_URL', fileKey: ['stores', 'clickhouseUrlFile'], form: 'clickhouse-url' },
  { name: 'stateUrl', variable: 'RECON_STATE_URL', fileKey: ['stores', 'stateUrlFile'], form: 'postgres-url' },
  {
    name: 'clickhouseStateUrl',
    variable: 'RECON_CLICKHOUSE_STATE_URL',
    fileKey: ['stores', 'clickhouseStateUrlFile'],
    form: 'clickhouse-url',
  },
  { name: 'custodianUrl', variable: 'RECON_CUSTODIAN_URL', fileKey: ['custodian', 'urlFile'], form: 'http-url' },
  { name: 'custodianApiKey', variable: 'RECON_CUSTODIAN_API_KEY', fileKey: ['custodian', 'apiKeyFile'], form: 'header-key' },
  {
    name: 'custodianSigningKey',
    variable: 'RECON_CUSTODIAN_SIGNING_KEY',
    fileKey: ['custodian', 'signingKeyFile'],
    form: 'signing-key',
  },
  { name: 'httpToken', variable: 'RECON_HTTP_TOKEN', fileKey: ['http', 'tokenFile'], form: 'key' },
  { name: 'decisionKey', variable: 'RECON_DECISION_KEY', fileKey: ['gate', 'decisionKeyFile'], form: 'key' },
]

const POSTGRES = { right: 'postgresql://user:password@host:5432/database', schemes: ['postgres:', 'postgresql:'] } as const
const CLICKHOUSE = { right: 'https://user:password@host:8443/database', schemes: ['http:', 'https:'] } as const
const HTTP = { right: 'https://host/path', schemes: ['http:', 'https:'] } as const
const FORMS = { 'postgres-url': POSTGRES, 'clickhouse-url': CLICKHOUSE, 'http-url': HTTP } as const

/** Everything that is wrong with a secret, without repeating it; empty when it is well formed. */
export function secretProblems(form: SecretSource['form'], value: string): readonly string[] {
  if (form === 'key' || form === 'header-key') return keyProblems(form, value)
  if (form === 'signing-key') return signingKeyProblems(value)
  const { right, schemes } = FORMS[form]
  if (!URL.canParse(value)) return [`is not a URL; write it as ${right} (the value is not shown, because it may hold a password)`]
  const url = new URL(value)
  if (!schemes.some(scheme => scheme === url.protocol)) return [`is a ${url.protocol}// URL; write it as ${right}`]
  const encoded = isDecodable(value) && !/\s/.test(value)
  const encoding = encoded ? [] : ['has a % or a space that stands for itself; write a % as %25, a space as %20, and other bytes in UTF-8']
  if (form === 'postgres-url') return [...encoding, ...postgresUrlProblems(url)]
  return [...encoding, ...(form === 'clickhouse-url' ? clickHouseUrlProblems(url) : httpUrlProblems(url))]
}

function keyProblems(form: 'key' | 'header-key', value: string): readonly string[] {
  return [
    ...(value.length < 8 ? ['is shorter than 8 characters'] : []),
    ...(form === 'header-key' && !/^[\x21-\x7e]*$/.test(value)
      ? ['has a blank or a character that is not ASCII, which no HTTP header can carry']
      : []),
  ]
}

function signingKeyProblems(value: string): readonly string[] {
  try {
    requestSigner(value)
    return []
  } catch (error) {
    if (!(error instanceof ReconError)) throw error
    return ['is not an Ed25519 private key; give it in PEM (BEGIN PRIVATE KEY), or its seed as 64 hexadecimal digits']
  }
}

function httpUrlProblems({ username, password, search }: URL): readonly string[] {
  return username === '' && password === '' && search === '' ? [] : ['has a login or a query; the key is given by itself']
}

function isDecodable(text: string): boolean {
  try {
    decodeURIComponent(text)
    return true
  } catch {
    // A URIError is how the language answers "no".
    return false
  }
}

/** The secret as it may be shown: a URL without its password, and of a key only that it is there. */
export function redactSecret(form: SecretSource['form'], value: string): string {
  if (!form.endsWith('-url') || !URL.canParse(value)) return '***'
  const url = new URL(value)
  if (url.password !== '') url.password = '***'
  for (const name of [...url.searchParams.keys()]) if (/pass|key|token|secret|http_header_/i.test(name)) url.searchParams.set(name, '***')
  return url.href
}
