import { validateHeaderName, validateHeaderValue } from 'node:http'
import { suggestion } from '../nearest.ts'

const HEADER_PREFIX = 'http_header_'
const SETTING_PREFIX = /^(clickhouse_setting_|ch_)/

/** The parameters that a URL of ClickHouse may have, with what each must look like: those of @clickhouse/client that change no answer. */
const PARAMETERS: Readonly<Record<string, readonly [right: string, isRight: (value: string) => boolean]>> = {
  pathname: ['a path such as /clickhouse', value => value.startsWith('/')],
  access_token: ['a token', value => value !== ''],
  keep_alive_enabled: ['true or false', value => value === 'true' || value === 'false'],
  keep_alive_idle_socket_ttl: ['a whole number of milliseconds from 1', isWholeNumber],
}

/** Where people look for what has a place of its own in the URL. */
const PLACES: Readonly<Record<string, string>> = {
  user: 'the user stands before the host: https://user:password@host',
  username: 'the user stands before the host: https://user:password@host',
  password: 'the password stands before the host: https://user:password@host',
  database: 'the database stands in the path: https://host:8443/database',
  request_timeout: 'how long a read may take is said in recon.yaml, by the timeout of its check',
}

/** What a URL of ClickHouse asks for that the client cannot do, or that no read may depend on, without repeating any value. */
export function clickHouseUrlProblems(url: URL): readonly string[] {
  const names = [...new Set(url.searchParams.keys())]
  return [
    ...names.flatMap(name => parameterProblem(name, url.searchParams.getAll(name)) ?? []),
    ...(names.includes('access_token') && (url.username !== '' || url.password !== '')
      ? ['has both a user and an access_token; one of them is enough']
      : []),
  ]
}

function parameterProblem(name: string, values: readonly string[]): string | undefined {
  if (SETTING_PREFIX.test(name)) {
    return `has a parameter ${name}: settings do not belong into the URL, since they could cut a read short; recon sets what a read needs`
  }
  if (name.startsWith(HEADER_PREFIX)) {
    return values.every(value => isHeader(name.slice(HEADER_PREFIX.length), value))
      ? undefined
      : `has a parameter ${name} that is not a valid HTTP header`
  }
  const parameter = Object.hasOwn(PARAMETERS, name) ? PARAMETERS[name] : undefined
  if (!parameter) {
    const place = Object.hasOwn(PLACES, name) ? `; ${PLACES[name]}` : suggestion(name, Object.keys(PARAMETERS))
    return `has a parameter that is not known, ${name}${place}`
  }
  const [right, isRight] = parameter
  return values.every(isRight) ? undefined : `has a parameter ${name} that is not ${right}`
}

function isWholeNumber(text: string): boolean {
  return /^[1-9]\d{0,8}$/.test(text)
}

function isHeader(name: string, value: string): boolean {
  try {
    validateHeaderName(name)
    validateHeaderValue(name, value)
    return true
  } catch {
    // Node's own validators answer "no" by throwing.
    return false
  }
}
