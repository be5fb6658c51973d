import { createPublicKey, verify } from 'node:crypto'
import type { IncomingMessage } from 'node:http'

/** Who may ask the simulated custodian. */
export interface AccessRules {
  readonly apiKey: string
  /** An Ed25519 public key in PEM; where given, every request must be signed with its private key. */
  readonly publicKey?: string
}

const SKEW_MS_MAX = 300_000

/** Why a request is refused, in the custodian's words; undefined for one that is welcome. */
export function refusal(rules: AccessRules, request: IncomingMessage, wallMs: number): string | undefined {
  if (request.headers['api-access-key'] !== rules.apiKey) return 'the access key is not known'
  if (rules.publicKey === undefined) return undefined
  const timestamp = request.headers['api-timestamp']
  const signature = request.headers['api-signature']
  if (typeof timestamp !== 'string' || typeof signature !== 'string') return 'the request is not signed'
  if (!/^\d+$/.test(timestamp) || Math.abs(Number(timestamp) * 1_000 - wallMs) > SKEW_MS_MAX) return 'the timestamp is not of now'
  const signed = Buffer.from(`${timestamp}${request.method ?? ''}${request.url ?? ''}`)
  const right = /^[0-9a-f]{128}$/.test(signature) && verify(null, signed, createPublicKey(rules.publicKey), Buffer.from(signature, 'hex'))
  return right ? undefined : 'the signature is not right'
}
