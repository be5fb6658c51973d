import pg from 'pg'
import { StoreError } from '../../epoch/store-error.ts'
import type { InconclusiveReason } from '../../epoch/verdict.ts'
import { describeUnreachable } from '../unreachable.ts'

interface Meaning {
  readonly reasonCode: InconclusiveReason
  readonly retryable?: boolean
  readonly remedy?: string
}

// SQLSTATEs by exact code or by class (their first two characters): https://www.postgresql.org/docs/current/errcodes-appendix.html
const MEANINGS: Readonly<Record<string, Meaning>> = {
  '28': { reasonCode: 'store-unreachable', remedy: 'the login was refused: check the user and the password in the URL, and pg_hba.conf' },
  '3D000': { reasonCode: 'store-unreachable', remedy: 'check the database name in the URL' },
  '53300': { reasonCode: 'store-unreachable', retryable: true, remedy: 'the server has no connection to spare' },
  '08': { reasonCode: 'store-unreachable', retryable: true },
  '57P01': { reasonCode: 'store-unreachable', retryable: true },
  '57P02': { reasonCode: 'store-unreachable', retryable: true },
  '57P03': { reasonCode: 'store-unreachable', retryable: true },
  '57014': { reasonCode: 'statement-timeout' },
  '57P05': { reasonCode: 'statement-timeout' },
  '25P03': { reasonCode: 'statement-timeout' },
  '25P04': { reasonCode: 'statement-timeout' },
  '55P03': { reasonCode: 'statement-timeout', remedy: 'a table is locked, as by a migration' },
  '40': {
    reasonCode: 'snapshot-conflict',
    retryable: true,
    remedy: 'on a standby, raise max_standby_streaming_delay or set hot_standby_feedback',
  },
  '42501': { reasonCode: 'permission-denied', remedy: 'grant select to the role, or exempt it from row-level security' },
  '3F000': { reasonCode: 'schema-mismatch', remedy: 'compare the configured names with the database; recon doctor lists what is missing' },
  '42': { reasonCode: 'schema-mismatch', remedy: 'compare the configured names with the database; recon doctor lists what is missing' },
  '21': { reasonCode: 'schema-mismatch', remedy: 'the SQL that reads a stream must give one row' },
  '22': { reasonCode: 'schema-mismatch', remedy: 'a column has another type than the relation declares; recon doctor names it' },
}

const TLS_REMEDIES = {
  certificate: 'name the authority that signed it with sslrootcert=FILE in the URL; sslmode=no-verify encrypts and trusts anybody',
  handshake: 'check the host, the port, and the sslmode of the URL',
} as const

/** What node-postgres says without a code of its own, by its words. */
const COMPLAINTS: readonly (readonly [words: RegExp, remedy: string])[] = [
  [
    /connection terminated|connection ended|timeout expired|not queryable|client was closed/i,
    'check that the server runs and that the URL is right',
  ],
  [/does not support SSL/, 'have the server speak TLS, or write sslmode=disable in the URL'],
  [/establishing an SSL connection/, 'what answers there does not seem to be PostgreSQL; check the host and the port'],
  [/^SASL|authentication/i, 'the login was refused: check the user and the password in the URL'],
]

/** Translates whatever node-postgres threw into a `StoreError`; errors that are not the store's pass through as they are. */
export function postgresError(store: string, error: unknown, connected: boolean): unknown {
  if (!(error instanceof Error) || error instanceof StoreError) return error
  if (error instanceof pg.DatabaseError) {
    const sqlState = error.code ?? ''
    const meaning = MEANINGS[sqlState] ?? MEANINGS[sqlState.slice(0, 2)] ?? { reasonCode: 'store-error' }
    const remedy = meaning.remedy ? `; ${meaning.remedy}` : ''
    return new StoreError(store, meaning.reasonCode, `${error.message} (SQLSTATE ${sqlState})${remedy}`, {
      cause: error,
      retryable: meaning.retryable ?? false,
    })
  }
  const reason = describeUnreachable(error, TLS_REMEDIES) ?? describeComplaint(error)
  if (reason === undefined) return error
  return new StoreError(store, 'store-unreachable', reason, { cause: error, retryable: connected })
}

function describeComplaint({ message }: Error): string | undefined {
  const complaint = COMPLAINTS.find(([words]) => words.test(message))
  return complaint && `${message}; ${complaint[1]}`
}
