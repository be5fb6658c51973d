import { X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createSecureContext } from 'node:tls'

const PORT_MAX = 65_535
const SSL_MODES = ['disable', 'no-verify', 'allow', 'prefer', 'require', 'verify-ca', 'verify-full'] as const
/** Node-postgres verifies fully for each of these, and warns on stderr that one day it will not. */
const VERIFYING_MODES: readonly string[] = ['prefer', 'require', 'verify-ca']

/** What a URL of PostgreSQL asks for that node-postgres cannot do or would silently do otherwise, without repeating any value. */
export function postgresUrlProblems({ searchParams: parameters }: URL): readonly string[] {
  const refuse = (name: string, isRight: (value: string) => boolean, right: string) =>
    parameters.getAll(name).every(isRight) ? [] : [`has a parameter ${name} that is not ${right}`]
  const mode = lastOf(parameters, 'sslmode')
  const compatible = lastOf(parameters, 'uselibpqcompat') === 'true'
  return [
    ...refuse('port', isPort, `a port from 1 to ${PORT_MAX}`),
    ...refuse('sslmode', value => SSL_MODES.some(known => known === value), `one of: ${SSL_MODES.join(', ')}`),
    ...refuse('ssl', value => ['true', '1', '0', 'no-verify'].includes(value), 'one of: true, 1, 0, no-verify; sslmode says more'),
    ...refuse('sslnegotiation', value => value === 'postgres' || value === 'direct', 'one of: postgres, direct'),
    ...refuse('client_encoding', value => /^utf-?8$/i.test(value), 'utf8, which is what names are compared in'),
    ...(parameters.has('replication') ? ['has a parameter replication, and a replication session cannot be read from'] : []),
    ...(lastOf(parameters, 'sslnegotiation') === 'direct' &&
    (mode === 'disable' || (mode === undefined && lastOf(parameters, 'ssl') === '0'))
      ? ['asks for sslnegotiation=direct without TLS']
      : []),
    ...(compatible && mode === 'verify-ca' && !lastOf(parameters, 'sslrootcert') ? ['asks for sslmode=verify-ca without sslrootcert'] : []),
    ...tlsFileProblems(parameters),
  ]
}

/**
 * The URL to connect with: the modes that node-postgres treats as verify-full are written as that, so that they mean the same in every version
 * of it, and it has nothing to warn about. Text that is no URL comes back as it is.
 */
export function settlePostgresUrl(text: string): string {
  if (!URL.canParse(text)) return text
  const url = new URL(text)
  const { searchParams: parameters } = url
  if (lastOf(parameters, 'uselibpqcompat') === 'true' || !VERIFYING_MODES.includes(lastOf(parameters, 'sslmode') ?? '')) return text
  parameters.set('sslmode', 'verify-full')
  return url.href
}

/** Of a parameter that is given twice, node-postgres takes the last. */
function lastOf(parameters: URLSearchParams, name: string): string | undefined {
  return parameters.getAll(name).at(-1)
}

function isPort(text: string): boolean {
  return /^\d{1,5}$/.test(text) && Number(text) >= 1 && Number(text) <= PORT_MAX
}

const TLS_FILES = [
  ['sslrootcert', 'ca'],
  ['sslcert', 'cert'],
  ['sslkey', 'key'],
] as const

/** Reads the files as node-postgres will, and has OpenSSL say whether it can use them. */
function tlsFileProblems(parameters: URLSearchParams): readonly string[] {
  const problems: string[] = []
  const contents: { ca?: string; cert?: string; key?: string } = {}
  for (const [parameter, part] of TLS_FILES) {
    const file = lastOf(parameters, parameter)
    if (!file) continue
    try {
      contents[part] = readFileSync(file, 'utf8')
      // OpenSSL takes an authority that is none for no authority at all.
      if (part === 'ca') new X509Certificate(contents.ca ?? '')
      else if (part === 'key') createSecureContext({ key: contents.key })
      else createSecureContext({ cert: contents.cert })
    } catch (error) {
      const what = contents[part] === undefined ? 'cannot be read' : 'is not what its name says, in PEM'
      problems.push(`names a file with ${parameter} that ${what} (${reasonOf(error)})`)
    }
  }
  if (problems.length > 0 || contents.cert === undefined || contents.key === undefined) return problems
  try {
    createSecureContext(contents)
    return []
  } catch (error) {
    return [`names files with sslcert and sslkey that do not belong together (${reasonOf(error)})`]
  }
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  return 'code' in error && typeof error.code === 'string' ? error.code : error.message
}
