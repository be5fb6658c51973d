import type { Outcome } from '../../epoch/verdict.ts'
import { FINDING_KINDS, type Finding } from './finding.ts'

/**
 * The verdict. What was said of the legs goes first: an answer that could not be had, a history that is broken. An answer of the custodian that
 * contradicts itself says nothing, until it has done so for too long. A finding is a difference even where the sums come out, since another error may make up for it.
 */
export function judgeOmnibus(compared: Outcome, findings: readonly Finding[]): Outcome {
  const isOfSums = compared.reasonCode === 'balanced' || compared.reasonCode === 'value-mismatch'
  if (!isOfSums) return compared
  const is = (kind: Finding['kind']) => findings.some(finding => finding.kind === kind)
  const reason = [...(compared.verdict === 'diff' ? [compared.reason] : []), ...countsOf(findings)].join('; ')
  if (is('unknown-movement')) return { verdict: 'diff', reasonCode: 'unknown-movement', reason }
  if (is('custodian-gap')) return { verdict: 'inconclusive', reasonCode: 'custodian-inconsistent', reason: contradiction(findings) }
  if (compared.verdict === 'diff' || findings.some(({ kind }) => kind !== 'stuck-transfer')) {
    return { verdict: 'diff', reasonCode: 'value-mismatch', reason }
  }
  return findings.length > 0 ? { verdict: 'diff', reasonCode: 'stuck-transfer', reason } : compared
}

function contradiction(findings: readonly Finding[]): string {
  const gaps = findings
    .filter(({ kind }) => kind === 'custodian-gap')
    .map(({ key, detail }) => `${detail['gap'] ?? ''} ${key['asset'] ?? ''}`)
  return `the custodian's balances and its own movements differ by ${gaps.join(', ')} whenever it was asked until the deadline`
}

function countsOf(findings: readonly Finding[]): readonly string[] {
  return FINDING_KINDS.flatMap(kind => {
    const found = findings.filter(finding => finding.kind === kind)
    const [first] = found
    if (!first) return []
    const where = Object.values(first.key).join(' ')
    return [found.length === 1 ? `${kind} (${where})` : `${found.length} x ${kind} (the first: ${where})`]
  })
}
