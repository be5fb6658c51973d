import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { StoreError } from '../epoch/store-error.ts'
import { rowsOfJsonAnswer } from '../stores/clickhouse/json-answer.ts'

const WHOLE = JSON.stringify({ meta: [{ name: 'n', type: 'UInt64' }], data: [{ n: '1' }, { n: '2' }], rows: 2, statistics: {} })

function reasonOf(text: string, answeredBefore: boolean): [string, boolean] {
  try {
    rowsOfJsonAnswer('clickhouse', text, answeredBefore)
  } catch (error) {
    if (error instanceof StoreError) return [error.reasonCode, error.retryable]
    throw error
  }
  throw new Error('it was taken for an answer')
}

describe('[P-TRUNCATED] the rows of a JSON answer', () => {
  it('are those that it holds', () => {
    expect(rowsOfJsonAnswer('clickhouse', WHOLE, true)).toEqual([{ n: '1' }, { n: '2' }])
  })

  it('are never taken from an answer that was cut short, wherever that was', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: WHOLE.length - 1 }), at => {
        expect(reasonOf(WHOLE.slice(0, at), true)).toEqual(['response-truncated', true])
      }),
    )
  })

  it('are not taken from one that counts other rows than it holds', () => {
    expect(reasonOf(WHOLE.replace('"rows":2', '"rows":3'), true)).toEqual(['response-truncated', true])
  })

  it('are not taken from one that the server broke off, whose own error is told', () => {
    const broken = `${WHOLE.slice(0, 60)}\nCode: 159. DB::Exception: Timeout exceeded. (TIMEOUT_EXCEEDED)`
    expect(reasonOf(broken, true)).toEqual(['statement-timeout', false])
  })

  it('are not taken from whoever answers before ClickHouse has', () => {
    expect(reasonOf('{"status":"ok"}', false)).toEqual(['store-unreachable', false])
  })
})
