/**
 * The one base error. `code` is stable and may be scripted against; the message says what was wrong, where, and what to do.
 * `cause` keeps the error underneath.
 */
export class ReconError extends Error {
  readonly code: string

  constructor(code: string, message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'ReconError'
    this.code = code
  }
}
