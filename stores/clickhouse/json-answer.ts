import { StoreError } from '../../epoch/store-error.ts'
import { describeForeignAnswer, serverError } from './errors.ts'

/** One row of a JSON answer, by column. */
export type JsonRow = Readonly<Record<string, unknown>>

/**
 * The rows of an answer in the format JSON. That is one document which ends with the number of its rows, so one that was cut short is never
 * taken for a shorter answer. Throws `StoreError`: the server's own error where it left one, `response-truncated` where ClickHouse is known to
 * be there, else `store-unreachable`.
 */
export function rowsOfJsonAnswer(store: string, text: string, answeredBefore: boolean): readonly JsonRow[] {
  const answer = parse(text)
  if (isWhole(answer)) return answer.data
  const exception = /Code: (\d+)\. DB::Exception: ([^\n"]*)/.exec(text)
  if (exception) throw serverError(store, exception[1] ?? '', exception[2] ?? '')
  if (answeredBefore) {
    throw new StoreError(store, 'response-truncated', 'the answer ended too early; something between here and the server cut it off', {
      retryable: true,
    })
  }
  throw new StoreError(store, 'store-unreachable', describeForeignAnswer(text))
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    // Not a document: what it is instead is told by the caller.
    return undefined
  }
}

function isWhole(answer: unknown): answer is { readonly data: readonly JsonRow[] } {
  if (typeof answer !== 'object' || answer === null || !('data' in answer && 'rows' in answer) || 'exception' in answer) return false
  return Array.isArray(answer.data) && answer.data.length === Number(answer.rows)
}
