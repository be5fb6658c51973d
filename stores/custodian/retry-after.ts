/** How long a Retry-After header asks to wait, in ms: whole seconds, or an HTTP date (RFC 9110, section 10.2.3); undefined for anything else. */
export function retryAfterMs(header: string | undefined, wallMs: number): number | undefined {
  const text = header?.trim() ?? ''
  if (/^\d{1,9}$/.test(text)) return Number(text) * 1_000
  const at = /[a-z]/i.test(text) ? Date.parse(text) : Number.NaN
  return Number.isNaN(at) ? undefined : Math.max(0, at - wallMs)
}
