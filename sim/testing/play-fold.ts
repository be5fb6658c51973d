import { addDecimals, formatDecimal, parseDecimal } from '../../epoch/decimal.ts'
import type { Sequence } from '../../epoch/epoch.ts'
import { BALANCES, type HistoryFault, type HistoryStream } from './exchange-history.ts'
import { keyText } from './fact.ts'
import type { StateRow } from './memory-state.ts'
import type { Play } from './play.ts'

/** What the state rows become by the events in (from, through]. An event that a row's stamp has reached is in it already. */
export function fold({ script, state }: Play, stream: HistoryStream, from: Sequence, through: Sequence): readonly StateRow[] {
  const rows = new Map<string, StateRow>()
  for (let sequence = from + 1n; sequence <= through; sequence++) {
    const before = new Map(rows)
    for (const [at, fact] of script.facts.entries()) {
      if (fact.stream !== stream || fact.sequence !== sequence) continue
      const key = keyText(fact.row, BALANCES)
      const standing = before.get(key) ?? state.find(fact.row)
      const times = timesApplied(script.faults, at)
      if ((standing?.stamps[stream] ?? 0n) >= sequence || times === 0) continue
      const current = rows.get(key) ?? standing
      const amount = parseDecimal(String(fact.row['balance']))
      let sum = parseDecimal(String(current?.row['balance'] ?? '0'))
      for (let time = 0; time < times; time++) sum = addDecimals(sum, amount)
      rows.set(key, { row: { ...fact.row, balance: formatDecimal(sum) }, stamps: { ...current?.stamps, [stream]: sequence } })
    }
  }
  return [...rows.values()]
}

function timesApplied(faults: readonly HistoryFault[], fact: number): number {
  const fault = faults.find(each => 'fact' in each && each.fact === fact)
  return fault?.name === 'stale-balance' ? 0 : fault?.name === 'double-applied-batch' ? 2 : 1
}
