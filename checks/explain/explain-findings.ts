import { positionTexts } from './amounts.ts'
import { rowEntry } from './entries.ts'
import type { ExplainContext } from './explain-keys.ts'
import type { RowEntry } from './explanation.ts'
import type { PositionKey } from './ports.ts'
import type { RecordedRun } from './recorded-run.ts'

/** The transfers that a run's findings, and what it allowed for, name by their IDs or references; the first `limit` of them. */
export async function transfersOf(run: RecordedRun, { log, limit }: Pick<ExplainContext, 'log' | 'limit'>): Promise<readonly RowEntry[]> {
  const named = [
    ...run.findings.flatMap(({ key, detail }) => [key['reference'], detail['transfer_id'], ...(detail['transfers'] ?? '').split(', ')]),
    ...run.explained.map(({ reference }) => reference),
  ]
  const names = [...new Set(named)].filter(name => typeof name === 'string' && name !== '').slice(0, limit)
  if (names.length === 0) return []
  const transfers = await log.transfersNamed(names.map(String), limit)
  return transfers.map(transfer => ({ ...rowEntry(transfer), ids: { ...transfer.ids, custodian_reference: transfer.reference } }))
}

/** The last position, as of the run's epoch, of each account and symbol that a run's findings name; the first `limit` of them. */
export async function positionsOf(
  run: RecordedRun,
  { history, epoch, limit }: Pick<ExplainContext, 'history' | 'epoch' | 'limit'>,
): Promise<readonly RowEntry[]> {
  const named = new Map<string, PositionKey>()
  for (const { key } of run.findings) {
    const { account_id: account, symbol } = key
    if (typeof account === 'string' && typeof symbol === 'string') named.set(JSON.stringify([account, symbol]), { account, symbol })
  }
  const found: RowEntry[] = []
  for (const key of [...named.values()].slice(0, limit)) {
    const last = await history.lastPosition(key, epoch)
    if (!last) continue
    const { stream, sequence, time, account, symbol, values, ids } = last
    const amounts = positionTexts(values)
    found.push({ stream, sequence: sequence.toString(), time, effect: 'position', account_id: account, asset: null, symbol, amounts, ids })
  }
  return found
}
