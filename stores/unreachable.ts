const NETWORK_CODES = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ECONNABORTED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EAI_FAIL',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'EHOSTDOWN',
  'ENETUNREACH',
  'ENETDOWN',
  'EADDRNOTAVAIL',
  'EPIPE',
  'ERR_STREAM_PREMATURE_CLOSE',
  // a socket file that is not there, or may not be used, or is no socket
  'ENOENT',
  'EACCES',
  'ENOTSOCK',
  'ERR_SOCKET_BAD_PORT',
])

// Node gives OpenSSL's verification results by name (X509_V_ERR_ without the prefix), and its own checks and the handshake as ERR_*.
const CERTIFICATE_CODE =
  /^(CERT_|CRL_|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_(GET|VERIFY|DECRYPT|DECODE)_|ERR_TLS_CERT_|INVALID_(CA|PURPOSE)$|PATH_LENGTH_EXCEEDED$|HOSTNAME_MISMATCH$|UNSPECIFIED$)/
const HANDSHAKE_CODE = /^(EPROTO$|ERR_SSL_|ERR_TLS_|ERR_OSSL_)/

/** What to do about a certificate that is not trusted, and about a handshake that fails: each store says it in its own words. */
export interface TlsRemedies {
  readonly certificate: string
  readonly handshake: string
}

/**
 * What a socket, a name lookup or TLS says when a server cannot be reached, with what to do; undefined for an error that is of another kind.
 * It says what and why, and never the URL.
 */
export function describeUnreachable(error: Error, remedies: TlsRemedies): string | undefined {
  const code = 'code' in error && typeof error.code === 'string' ? error.code : ''
  if (CERTIFICATE_CODE.test(code)) return `the server's certificate is not accepted: ${error.message} (${code}); ${remedies.certificate}`
  if (HANDSHAKE_CODE.test(code)) {
    // OpenSSL's own words, without the place in its source: "...:SSL routines:ssl3_get_record:wrong version number:../deps/..."
    const [, reason = error.message] = /:error:[^:]*:[^:]*:[^:]*:([^:]+)/.exec(error.message) ?? []
    return `no encrypted connection could be made: ${reason} (${code}); ${remedies.handshake}`
  }
  if (!NETWORK_CODES.has(code) && !(error instanceof AggregateError)) return undefined
  const message = error.message || (error instanceof AggregateError ? error.errors.map(String).join('; ') : code)
  return `${message}; check that the server runs and that the URL is right`
}
