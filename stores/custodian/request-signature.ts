import { createPrivateKey, type KeyObject, sign } from 'node:crypto'
import { ReconError } from '../../epoch/recon-error.ts'

// What stands before the 32 bytes of the seed in a PKCS #8 document (RFC 8410, section 7).
const PKCS8_ED25519_PREFIX = Buffer.from('302e020100300506032b657004220420', 'hex')

/** Signs one request; gives the headers that carry the signature. `path` is the path with its query, as it is sent. */
export type RequestSigner = (request: { readonly method: string; readonly path: string; readonly body: string }, wallMs: number) => Headers

type Headers = Readonly<Record<string, string>>

/**
 * Makes the signer of a custodian's requests from an Ed25519 private key, in PEM or as the 32 bytes of its seed in hex. Throws a `ReconError`
 * `invalid-signing-key` for anything else; no message ever holds a part of the key.
 */
export function requestSigner(signingKey: string): RequestSigner {
  const key = privateKey(signingKey.trim())
  return ({ method, path, body }, wallMs) => {
    const timestamp = Math.floor(wallMs / 1_000).toString()
    const signature = sign(null, Buffer.from(timestamp + method + path + body), key)
    return { 'api-timestamp': timestamp, 'api-signature': signature.toString('hex') }
  }
}

function privateKey(text: string): KeyObject {
  const key = /^[0-9a-f]{64}$/i.test(text) ? fromSeed(Buffer.from(text, 'hex')) : fromPem(text)
  if (key?.asymmetricKeyType === 'ed25519') return key
  throw new ReconError(
    'invalid-signing-key',
    'the signing key of the custodian is not an Ed25519 private key: give it in PEM (BEGIN PRIVATE KEY), or its seed as 64 hexadecimal digits',
  )
}

function fromSeed(seed: Buffer): KeyObject {
  return createPrivateKey({ key: Buffer.concat([PKCS8_ED25519_PREFIX, seed]), format: 'der', type: 'pkcs8' })
}

function fromPem(text: string): KeyObject | undefined {
  try {
    return createPrivateKey(text)
  } catch {
    // OpenSSL's words say nothing that the caller's do not, and its error may hold the text.
    return undefined
  }
}
