import type { CanaryRow } from '../../epoch/canary.ts'
import { parseSequence, type Sequence } from '../../epoch/epoch.ts'
import type { Lines, SnapshotLeg } from '../../epoch/leg.ts'
import { ReconError } from '../../epoch/recon-error.ts'
import { quoteIdentifier, quoteTable } from '../../stores/postgres/identifiers.ts'
import { postgresSnapshotLeg } from '../../stores/postgres/snapshot-leg.ts'
import type { CheckSources } from '../check-sources.ts'
import { stampsOf, streamSources } from '../reference-legs.ts'
import { columnOf } from '../reference-model.ts'
import { readRows } from './read-rows.ts'
import type { Transfer } from './transfer.ts'

const SHAPE = {
  keys: ['part', 'asset', 'transfer_id', 'sequence', 'direction', 'reference', 'created_at_ms'],
  values: ['amount'],
  aggregating: false,
} as const

/** What PostgreSQL says: the sum of all balances by asset, exact decimal text, and the transfers that were asked for. */
export interface BooksRows {
  readonly balances: ReadonlyMap<string, string>
  readonly transfers: readonly Transfer[]
}

/** The sums of the balances and the transfers above a sequence, in one cut. */
export function booksLeg(sources: CheckSources, settledSequence: Sequence): SnapshotLeg {
  const { balances } = sources.tables.postgres
  const [asset, balance] = ['asset', 'balance'].map(name => quoteIdentifier(columnOf(balances, name)))
  return postgresSnapshotLeg({
    store: sources.postgres,
    streams: streamSources(sources),
    rows: `
      select 'balance' as part, ${asset}::text as asset, '' as transfer_id, '' as sequence, '' as direction, '' as reference, '' as created_at_ms,
        sum(${balance}) as amount
      from ${quoteTable(balances.schema, balances.name)} group by ${asset}
      union all ${transfersAbove(sources, settledSequence)}`,
    stamps: stampsOf(sources, balances),
    shape: SHAPE,
    memoryBytesMax: sources.memoryBytesMax,
  })
}

/** The transfers above a sequence alone, in a cut of their own. */
export function laterTransfersLeg(sources: CheckSources, sequence: Sequence): SnapshotLeg {
  const streams = streamSources(sources)
  return postgresSnapshotLeg({
    store: sources.postgres,
    streams,
    rows: transfersAbove(sources, sequence),
    stamps: `select ${streams.map(({ name }) => `0 as ${quoteIdentifier(name)}`).join(', ')}`,
    shape: SHAPE,
    memoryBytesMax: sources.memoryBytesMax,
  })
}

/** Reads the rows of either leg. A canary is a balance of an asset of its name. */
export async function readBooks(lines: Lines, canary?: CanaryRow): Promise<BooksRows> {
  const balances = new Map<string, string>()
  const transfers: Transfer[] = []
  for await (const row of readRows(lines, SHAPE)) {
    const { part = '', asset = '', amount = '' } = row
    if (part === 'balance' || part === canary?.key) balances.set(asset, amount)
    else transfers.push(transferOf(row))
  }
  return { balances, transfers }
}

function transferOf(row: Readonly<Record<string, string>>): Transfer {
  const { transfer_id: transferId = '', direction, asset = '', amount = '', reference = '' } = row
  if (direction !== 'deposit' && direction !== 'withdrawal') {
    throw new ReconError(
      'unknown-direction',
      `transfer ${JSON.stringify(transferId)} goes ${JSON.stringify(direction)}, which is no direction`,
    )
  }
  const sequence = parseSequence(row['sequence'], `the sequence of transfer ${JSON.stringify(transferId)}`)
  return { transferId, sequence, asset, direction, amount, reference, createdAtMs: Number(row['created_at_ms']) }
}

function transfersAbove(sources: CheckSources, sequence: Sequence): string {
  const { transfers } = sources.tables.postgres
  const column = (name: string) => quoteIdentifier(columnOf(transfers, name))
  return `
    select 'transfer' as part, ${column('asset')}::text as asset, ${column('transfer_id')}::text as transfer_id,
      ${column('sequence')}::text as sequence, ${column('direction')}::text as direction, ${column('custodian_reference')}::text as reference,
      trunc(extract(epoch from ${column('created_at')}) * 1000)::bigint::text as created_at_ms, ${column('amount')} as amount
    from ${quoteTable(transfers.schema, transfers.name)}
    where ${column('sequence')} > ${sequence}`
}
