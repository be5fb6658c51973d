import { ReconError } from './recon-error.ts'
import type { InconclusiveReason } from './verdict.ts'

/**
 * Why a store could not answer, as the reason code that the run will carry. `retryable` says that asking again in the same run is sound:
 * the store had answered before, and the question is repeatable (a capture taken anew, or a read as of the same epoch).
 */
export class StoreError extends ReconError {
  readonly store: string
  readonly reasonCode: InconclusiveReason
  readonly retryable: boolean

  constructor(store: string, reasonCode: InconclusiveReason, message: string, options?: ErrorOptions & { readonly retryable?: boolean }) {
    super(reasonCode, `${store}: ${message}`, options)
    this.name = 'StoreError'
    this.store = store
    this.reasonCode = reasonCode
    this.retryable = options?.retryable ?? false
  }
}
