import { type Epoch, epochFromJson } from '../../epoch/epoch.ts'
import type { Mismatch, NamedFields } from '../../epoch/mismatch.ts'
import { ReconError } from '../../epoch/recon-error.ts'
import type { Explained, Finding } from '../run.ts'

/** What an explanation needs of a recorded run. */
export interface RecordedRun {
  readonly runId: string
  readonly check: string
  readonly verdict: string
  readonly reasonCode: string
  readonly reason: string
  readonly epoch: Epoch | null
  readonly mismatchCount: bigint
  readonly mismatches: readonly Mismatch[]
  readonly findings: readonly Finding[]
  readonly explained: readonly Explained[]
  /** How many content addresses its watermarks vouched for and it did not find, over all tables. */
  readonly rowsShort: bigint
  /** Whether watermarks vouched for every table that it read. */
  readonly vouched: boolean
}

/**
 * Reads a recon.run/1 document, which an older version may have recorded: lists that it did not know yet are empty. Throws `ReconError` with code
 * `unreadable-run` for anything else.
 */
export function readRecordedRun(document: string): RecordedRun {
  const run: unknown = parse(document)
  if (!isObject(run) || run['schema'] !== 'recon.run/1')
    throw new ReconError('unreadable-run', 'the recorded run is no recon.run/1 document')
  const legs = objects(isObject(run['horizon']) ? run['horizon']['legs'] : [])
  return {
    runId: text(run['runId']),
    check: text(run['check']),
    verdict: text(run['verdict']),
    reasonCode: text(run['reasonCode']),
    reason: text(run['reason']),
    epoch: isObject(run['epoch']) ? epochFromJson(run['epoch']) : null,
    mismatchCount: count(run['mismatchCount']),
    mismatches: objects(run['mismatches']).map(readMismatch),
    findings: objects(run['findings']).map(({ kind, key, detail }) => ({
      kind: text(kind),
      key: fields(key) ?? {},
      detail: fields(detail) ?? {},
    })),
    explained: objects(run['explained']).map(({ reference, kind, asset, amount, ageMs }) => ({
      reference: text(reference),
      kind: text(kind),
      asset: text(asset),
      amount: text(amount),
      ageMs: typeof ageMs === 'number' ? ageMs : 0,
    })),
    rowsShort: legs.reduce((sum, leg) => sum + shortOf(leg), 0n),
    vouched: legs.length > 0 && legs.every(leg => isObject(leg['rowsTotal'])),
  }
}

function readMismatch({ key, kind, left, right, difference }: Readonly<Record<string, unknown>>): Mismatch {
  const differences = Object.entries(fields(difference) ?? {}).flatMap(([name, value]) => (value === null ? [] : [[name, value] as const]))
  return {
    key: fields(key) ?? {},
    kind: kind === 'missing-left' || kind === 'missing-right' ? kind : 'value',
    left: fields(left),
    right: fields(right),
    difference: Object.fromEntries(differences),
  }
}

function shortOf({ rowsTotal, addresses }: Readonly<Record<string, unknown>>): bigint {
  if (!isObject(rowsTotal) || !isObject(addresses)) return 0n
  return Object.entries(rowsTotal).reduce((sum, [stream, total]) => {
    const short = count(total) - count(addresses[stream])
    return short > 0n ? sum + short : sum
  }, 0n)
}

function parse(document: string): unknown {
  try {
    return JSON.parse(document)
  } catch (cause) {
    throw new ReconError('unreadable-run', 'the recorded run is no JSON document', { cause })
  }
}

function fields(value: unknown): NamedFields | null {
  if (!isObject(value)) return null
  return Object.fromEntries(Object.entries(value).map(([name, field]) => [name, typeof field === 'string' ? field : null]))
}

function objects(value: unknown): readonly Readonly<Record<string, unknown>>[] {
  return Array.isArray(value) ? value.filter(isObject) : []
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : ''
}

function count(value: unknown): bigint {
  return typeof value === 'string' && /^\d+$/.test(value) ? BigInt(value) : 0n
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
