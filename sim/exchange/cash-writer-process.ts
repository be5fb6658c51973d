// The cash writer as a process of its own: started by the exchange, ends with it.
import type { PlantedPart } from '../faults/planted-fault.ts'
import { transferAt } from './cash-stream.ts'
import { lastTransfer, lockCashWriter, writeTransfers } from './cash-writer.ts'
import { runChild } from './child-link.ts'
import { connectPostgres } from './connect-postgres.ts'
import { moneyText } from './fixed-point.ts'
import { openMarket, transfersDue } from './market.ts'
import type { Progress } from './messages.ts'

const BATCH_MAX = 200n
const REST_MS = 10

runChild(async link => {
  const { client, lost } = await connectPostgres(link.start.postgresUrl, 'cash-writer')
  await lockCashWriter(client)
  const market = openMarket(link.start.spec)
  let last = await lastTransfer(client)
  const progress = (): Progress => ({ dropcopy: 0n, cash: last, halted: false, pendingRows: 0 })
  link.send({ type: 'ready', progress: progress() })

  const write = async () => {
    const { through: allowed, instead } = link.cash()
    const due = least(transfersDue(market, link.head()), allowed)
    const through = least(due, last + BATCH_MAX)
    if (through <= last || link.paused()) return link.rest(REST_MS)
    const transferToWrite = (number: bigint) => instead.get(number) ?? transferAt(market, number)
    const transfers = Array.from({ length: Number(through - last) }, (_, index) => transferToWrite(last + BigInt(index) + 1n))
    const fault = link
      .faults()
      .find(({ name, transfer = 0n }) => name === 'deposit-applied-twice' && transfer > last && transfer <= through)
    const doubled = fault?.transfer === undefined ? undefined : transferToWrite(fault.transfer)
    last = await writeTransfers(client, transfers, doubled?.transferId)
    if (fault !== undefined && doubled !== undefined) link.send({ type: 'planted', part: doubledPart(fault.event, last, doubled) })
    link.send({ type: 'progress', progress: progress() })
  }
  const serve = async () => {
    while (!link.signal.aborted) await write()
  }
  await Promise.race([serve(), lost])
  await client.end()
})

function least(a: bigint, b: bigint | undefined): bigint {
  return b === undefined || a < b ? a : b
}

function doubledPart(event: bigint, sequence: bigint, transfer: ReturnType<typeof transferAt>): PlantedPart {
  return {
    fault: 'deposit-applied-twice',
    event,
    sequence,
    differences: [{ accountId: transfer.accountId, asset: transfer.asset, units: transfer.amount }],
    transactionIds: [transfer.transferId],
    deleteTransactionIds: [],
    insertTransactions: [],
    balances: [{ account_id: transfer.accountId, asset: transfer.asset, add: moneyText(-transfer.amount) }],
  }
}
