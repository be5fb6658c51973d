import { StoreError } from '../../epoch/store-error.ts'
import { describeUnreachable } from '../unreachable.ts'

const TLS_REMEDIES = {
  certificate: 'name the authority that signed it with NODE_EXTRA_CA_CERTS=FILE in the environment',
  handshake: 'check the port of the URL, and whether it is one for https:// or for http://',
} as const

// What will be the same at the next attempt: a certificate, a handshake, a name that does not exist, an answer that is not HTTP.
const LASTING_CODE =
  /^(ENOTFOUND|EPROTO|ERR_(SSL|TLS|OSSL)_|HPE_|ERR_SOCKET_BAD_PORT|CERT_|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_|HOSTNAME_MISMATCH)/

/**
 * Translates what a request to the custodian failed with into a `StoreError` `store-unreachable`, retryable where another attempt may fare better;
 * undefined for an error that is not the network's, which is a bug and must go up as it is.
 */
export function requestError(store: string, path: string, error: unknown): StoreError | undefined {
  if (!(error instanceof Error)) return undefined
  const code = 'code' in error && typeof error.code === 'string' ? error.code : ''
  const words = code.startsWith('HPE_')
    ? `what answers there does not speak HTTP (${code}); check the host and the port of the URL, and whether it is one for https:// or for http://`
    : describeUnreachable(error, TLS_REMEDIES)
  if (words === undefined) return undefined
  return new StoreError(store, 'store-unreachable', `GET ${path}: ${words}`, { cause: error, retryable: !LASTING_CODE.test(code) })
}
