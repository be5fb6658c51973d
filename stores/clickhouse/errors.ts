import { ClickHouseError } from '@clickhouse/client'
import { StoreError } from '../../epoch/store-error.ts'
import type { InconclusiveReason } from '../../epoch/verdict.ts'
import { describeUnreachable } from '../unreachable.ts'

interface Meaning {
  readonly reasonCode: InconclusiveReason
  readonly retryable?: boolean
  readonly remedy?: string
}

const NAMES: Meaning = {
  reasonCode: 'schema-mismatch',
  remedy: 'compare the configured names with the database; recon doctor lists what is missing',
}
const LOGIN: Meaning = { reasonCode: 'store-unreachable', remedy: 'the login was refused: check the user and the password in the URL' }
const SETTINGS: Meaning = {
  reasonCode: 'permission-denied',
  remedy:
    'the role may not change the settings that keep a read from being cut short; give it readonly = 2, or a profile that lets exactly those change',
}

// Numbers of ClickHouse's own error codes (system.errors, src/Common/ErrorCodes.cpp).
const MEANINGS: Readonly<Record<string, Meaning>> = {
  10: NAMES, // NOT_FOUND_COLUMN_IN_BLOCK
  16: NAMES, // NO_SUCH_COLUMN_IN_TABLE
  36: NAMES, // BAD_ARGUMENTS
  43: NAMES, // ILLEGAL_TYPE_OF_ARGUMENT
  46: NAMES, // UNKNOWN_FUNCTION
  47: NAMES, // UNKNOWN_IDENTIFIER
  53: NAMES, // TYPE_MISMATCH
  60: NAMES, // UNKNOWN_TABLE
  81: { reasonCode: 'schema-mismatch', remedy: 'check the database name in the path of the URL' }, // UNKNOWN_DATABASE
  115: SETTINGS, // UNKNOWN_SETTING
  159: { reasonCode: 'statement-timeout' }, // TIMEOUT_EXCEEDED
  160: { reasonCode: 'statement-timeout' }, // TOO_SLOW
  164: SETTINGS, // READONLY
  192: LOGIN, // UNKNOWN_USER
  193: LOGIN, // WRONG_PASSWORD
  194: LOGIN, // REQUIRED_PASSWORD
  202: { reasonCode: 'store-unreachable', retryable: true, remedy: 'the server has too many queries at once' }, // TOO_MANY_SIMULTANEOUS_QUERIES
  209: { reasonCode: 'store-unreachable', retryable: true }, // SOCKET_TIMEOUT
  210: { reasonCode: 'store-unreachable', retryable: true }, // NETWORK_ERROR
  279: { reasonCode: 'store-unreachable', retryable: true, remedy: 'a shard does not answer, and none may be skipped' }, // ALL_CONNECTION_TRIES_FAILED
  394: { reasonCode: 'store-error', retryable: true, remedy: 'somebody killed the query' }, // QUERY_WAS_CANCELLED
  452: SETTINGS, // SETTING_CONSTRAINT_VIOLATION
  497: { reasonCode: 'permission-denied', remedy: 'grant select on the table to the role' }, // ACCESS_DENIED
  516: LOGIN, // AUTHENTICATION_FAILED
}

const TLS_REMEDIES = {
  certificate: 'name the authority that signed it with NODE_EXTRA_CA_CERTS=FILE in the environment',
  handshake: 'check the port of the URL, and whether it is one for https:// (by default 8443) or for http:// (8123)',
} as const

/**
 * Translates what @clickhouse/client or the response stream threw into a `StoreError`; errors that are not the store's pass through. An answer
 * that is not ClickHouse's, as from a proxy or from another server at that port, comes from the client as a bare `Error` with the answer's body.
 */
export function clickHouseError(store: string, error: unknown, answeredBefore: boolean): unknown {
  if (!(error instanceof Error) || error instanceof StoreError) return error
  if (error instanceof ClickHouseError) return serverError(store, error.code, error.message, error)
  const reason = describeUnreachable(error, TLS_REMEDIES) ?? describeAnswer(error)
  if (reason === undefined) return error
  return new StoreError(store, 'store-unreachable', reason, { cause: error, retryable: answeredBefore })
}

function describeAnswer(error: Error): string | undefined {
  if (/^(aborted|the user aborted|timeout error|socket hang up|parse error)/i.test(error.message)) {
    return `${error.message}; check that the server runs and that the URL is right`
  }
  return error.constructor === Error ? describeForeignAnswer(error.message) : undefined
}

const FOREIGN_ANSWER_SHOWN_MAX = 200

/** What to say of an answer that ClickHouse did not write, with its beginning. */
export function describeForeignAnswer(body: string): string {
  const line = body.trim().replace(/\s+/g, ' ')
  const shown = line.length > FOREIGN_ANSWER_SHOWN_MAX ? `${line.slice(0, FOREIGN_ANSWER_SHOWN_MAX)}...` : line
  return `what answered is not ClickHouse (${shown || 'an empty answer'}); check the host and the port of the URL, and what stands in between`
}

/** The server's own exception, by its number, wherever it was found: as the answer, or at the end of an answer that it broke off. */
export function serverError(store: string, code: string, message: string, cause?: unknown): StoreError {
  const meaning = MEANINGS[code] ?? { reasonCode: 'store-error' }
  const remedy = meaning.remedy ? `; ${meaning.remedy}` : ''
  return new StoreError(store, meaning.reasonCode, `${firstParagraph(message)} (ClickHouse code ${code})${remedy}`, {
    cause,
    retryable: meaning.retryable ?? false,
  })
}

/** What follows an empty line is advice about other products. */
function firstParagraph(message: string): string {
  const [first = message] = message.trim().split(/\n\s*\n/)
  return first
}
