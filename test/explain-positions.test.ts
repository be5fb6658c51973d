import { afterAll, beforeAll, expect, it } from 'vitest'
import type { Explanation, KeyExplanation } from '../checks/explain/explanation.ts'
import { positionRealizedPnlsBalance } from '../checks/position-realized-pnls-balance.ts'
import { positionsMatch } from '../checks/positions-match.ts'
import { systemClock } from '../stores/system-clock.ts'
import { explainIn } from './explain/explain-books.ts'
import { type Books, openBooks } from './support/books.ts'
import { describeEngines, startTestEngines } from './support/engines.ts'
import { runSound } from './support/struck-exchange.ts'

/** The last row of a position in ClickHouse. */
interface LastRow {
  readonly account: string
  readonly symbol: string
  readonly execution: string
  readonly sequence: string
}

const EPOCH = '1200'
const SYNC = 'settings mutations_sync = 2'

describeEngines('explaining differences of positions', () => {
  let books: Books
  let positions: readonly LastRow[]
  beforeAll(async () => {
    books = await openBooks(await (await startTestEngines()).createStores('explain positions'))
    await runSound(books.stores, BigInt(EPOCH))
    const rows = await books.clickhouse.rows(
      `select account_id, symbol, argMax(execution_id, sequence) as execution, toString(max(sequence)) as last
      from positions group by account_id, symbol having count() > 2 and argMax(realized_pnl, sequence) != 0 order by account_id, symbol`,
      {},
      { signal: AbortSignal.timeout(10_000), clock: systemClock },
    )
    positions = rows.map(row => ({
      account: String(row['account_id']),
      symbol: String(row['symbol']),
      execution: String(row['execution']),
      sequence: String(row['last']),
    }))
  })
  afterAll(() => books?.close())

  it('names executions that ClickHouse lost, altered and made up, and the rows of PostgreSQL that stand alone', async () => {
    const [lost, altered, invented, stale, absent] = five(positions)
    await books.command(`alter table positions delete where ${rowOf(lost)} ${SYNC}`)
    await books.command(`alter table positions update quantity = quantity + 1 where ${rowOf(altered)} ${SYNC}`)
    await books.command(
      `insert into positions select * replace (${EPOCH} as sequence, 'X1' as execution_id, cost_basis + 1 as cost_basis) from (select * from positions where ${rowOf(invented)})`,
    )
    const where = 'where account_id = $1 and symbol = $2'
    await books.pg.query(`update trade_engine.positions set cost_basis = cost_basis + 1 ${where}`, [stale.account, stale.symbol])
    await books.pg.query(`delete from trade_engine.positions ${where}`, [absent.account, absent.symbol])

    const explanation = await explainIn(books, await books.run(positionsMatch(books.sources())))

    expect(explanation.keys).toHaveLength(5)
    const ofLost = keyOf(explanation, lost)
    expect(ofLost.facts).toMatchObject([
      { kind: 'missing', table: 'positions', sequence: lost.sequence, ids: { execution_id: lost.execution } },
    ])
    expect(ofLost.likelyWrong).toMatchObject({ store: 'clickhouse', part: 'positions', code: 'history-differs' })
    const ofAltered = keyOf(explanation, altered)
    expect(ofAltered.facts).toMatchObject([
      { kind: 'altered', sequence: altered.sequence, difference: { quantity: '-1', cost_basis: '0' } },
    ])
    expect(ofAltered.likelyWrong).toMatchObject({ store: 'clickhouse', part: 'positions' })
    const ofInvented = keyOf(explanation, invented)
    expect(ofInvented.facts).toMatchObject([{ kind: 'extra', sequence: EPOCH, ids: { execution_id: 'X1' } }])
    expect(ofInvented.likelyWrong).toMatchObject({ store: 'clickhouse', part: 'positions' })
    const ofStale = keyOf(explanation, stale)
    expect(ofStale).toMatchObject({ facts: [], likelyWrong: { store: 'postgres', part: 'positions', code: 'state-differs' } })
    const ofAbsent = keyOf(explanation, absent)
    expect(ofAbsent).toMatchObject({ facts: [], likelyWrong: { store: 'postgres', part: 'positions', code: 'state-differs' } })
    expect(ofAbsent.says['postgres.positions']).toBeNull()
  })

  it('tells which of two tables of ClickHouse is wrong by the log of trades', async () => {
    const [lost, altered] = five(positions.slice(5))
    const { rows } = await books.pg.query<{ execution_id: string; sequence: string; realized_pnl: string }>(
      `select execution_id, sequence::text, trim_scale(realized_pnl)::text as realized_pnl from trade_engine.trades
      where account_id = $1 and symbol = $2 and realized_pnl <> 0 order by sequence limit 1`,
      [lost.account, lost.symbol],
    )
    const trade = rows[0]
    await books.command(
      `alter table transactions delete where sequence = ${trade?.sequence} and kind = 'realized_pnl' and stream = 'dropcopy' ${SYNC}`,
    )
    await books.command(`alter table positions update realized_pnl = realized_pnl + 1 where ${rowOf(altered)} ${SYNC}`)

    const explanation = await explainIn(books, await books.run(positionRealizedPnlsBalance(books.sources())))

    const ofLost = keyOf(explanation, lost)
    expect(ofLost.facts).toMatchObject([
      {
        kind: 'missing',
        table: 'transactions',
        sequence: trade?.sequence,
        effect: 'realized_pnl',
        postgres: { amount: trade?.realized_pnl },
      },
    ])
    expect(ofLost.likelyWrong).toMatchObject({ store: 'clickhouse', part: 'transactions', code: 'history-differs' })
    const ofAltered = keyOf(explanation, altered)
    expect(ofAltered.facts).toMatchObject([
      { kind: 'altered', table: 'positions', sequence: altered.sequence, difference: { realized_pnl: '-1', quantity: '0' } },
    ])
    expect(ofAltered.likelyWrong).toMatchObject({ store: 'clickhouse', part: 'positions', code: 'history-differs' })
  })
})

function five(rows: readonly LastRow[]): readonly [LastRow, LastRow, LastRow, LastRow, LastRow] {
  const [a, b, c, d, e] = rows
  if (!a || !b || !c || !d || !e) throw new Error(`${rows.length} positions are too few`)
  return [a, b, c, d, e]
}

/** Executions of the simulated exchange have plain IDs. */
function rowOf({ execution, symbol }: LastRow): string {
  return `execution_id = '${execution}' and symbol = '${symbol}'`
}

function keyOf({ keys }: Explanation, { account, symbol }: LastRow): KeyExplanation {
  const found = keys.find(({ key }) => key['account_id'] === account && key['symbol'] === symbol)
  if (!found) throw new Error(`${account} ${symbol} was not explained`)
  return found
}
