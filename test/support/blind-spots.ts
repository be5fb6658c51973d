import type { BuiltinCheckName } from '../../checks/builtin.ts'
import type { Books } from './books.ts'

/** A fault of two otherwise sound stores that a check cannot see, by its nature. */
export interface BlindSpot {
  readonly check: BuiltinCheckName
  readonly fault: string
  readonly why: string
  readonly seenBy: string
  /** The checks among `seenBy` that see it in these very books. */
  readonly seers: readonly BuiltinCheckName[]
  /** Writes the books with the fault in them, at the epoch dropcopy 10. */
  readonly write: (books: Books) => Promise<void>
}

const TB = 'transactions-balance'
const PR = 'position-realized-pnls-balance'
const PM = 'positions-match'

/** What docs/faults.md says the checks cannot see, each as books on which a test shows it. */
export const blindSpots: readonly BlindSpot[] = [
  {
    check: TB,
    fault: 'a transaction under the wrong symbol, of the wrong kind, or at the wrong time',
    why: 'a balance is the sum over all of them',
    seenBy: `symbol and kind of realized PnL: ${PR}; the others: nobody`,
    seers: [PR],
    write: async books => {
      await books.transactions([
        row('t1', '3', 'A', '5', { symbol: 'WRONG', kind: 'realized_pnl', occurred_at: '2001-01-01 00:00:00.000000' }),
      ])
      await books.positions([position('3', { realized_pnl: '5' })])
      await vouch(books, '1', '1')
      await books.balance('A', 'USD', '5', '3')
    },
  },
  {
    check: TB,
    fault: 'two errors in one account and asset that cancel each other out',
    why: 'only their sum is compared, and the rows are as many as they should be',
    seenBy: `${PR}, where they concern what two symbols realized`,
    seers: [PR],
    write: async books => {
      await books.transactions([
        row('t1', '3', 'A', '5.000000000000000001', { kind: 'realized_pnl', symbol: 'S' }),
        row('t2', '4', 'A', '-2.000000000000000001', { kind: 'realized_pnl', symbol: 'T' }),
      ])
      await books.positions([position('3', { realized_pnl: '5' }), position('4', { symbol: 'T', realized_pnl: '-2' })])
      await vouch(books, '2', '2')
      await books.balance('A', 'USD', '3', '4')
    },
  },
  {
    check: TB,
    fault: 'a transaction under a wrong sequence of its stream, once the epoch is above both the wrong and the right one',
    why: 'as of the epoch it is there either way; a run at an epoch between the two sees it',
    seenBy: 'a run at an epoch between the two',
    seers: [],
    write: async books => {
      await books.transactions([row('t1', '9', 'A', '5')])
      await vouch(books, '1')
      await books.balance('A', 'USD', '5', '3')
    },
  },
  {
    check: TB,
    fault: 'a transaction under a content address that is not its own',
    why: 'addresses are opaque: they only have to be distinct',
    seenBy: 'nobody, until the right one comes as well: then `rows-extra`',
    seers: [],
    write: async books => {
      await books.transactions([row('somebody-else:fee:B:EUR', '3', 'A', '5')])
      await vouch(books, '1')
      await books.balance('A', 'USD', '5', '3')
    },
  },
  {
    check: TB,
    fault: 'a transaction of amount zero that is missing, and that its watermark does not count either',
    why: 'neither the sum nor the count misses it; counted, it would be rows-missing',
    seenBy: 'nobody',
    seers: [],
    write: async books => {
      await books.transactions([row('t1', '3', 'A', '5')])
      await vouch(books, '1')
      await books.balance('A', 'USD', '5', '4')
    },
  },
  {
    check: TB,
    fault: 'a balance of zero whose row is missing, or was made up',
    why: 'in a relation of sums nothing and zero are the same',
    seenBy: 'the gate, where presence is a value',
    seers: [],
    write: async books => {
      await books.transactions([row('t1', '3', 'A', '5'), row('t2', '4', 'A', '-5')])
      await vouch(books, '2')
      await books.balance('PHANTOM', 'USD', '0', '4')
    },
  },
  {
    check: TB,
    fault: 'a trade-engine that stands still, while the sink goes on',
    why: 'the books are balanced at the epoch where it stands, which the run names; the same is true of every check',
    seenBy: 'whoever watches that the epochs of the runs go on',
    seers: [],
    write: async books => {
      await books.transactions([row('t1', '3', 'A', '5'), row('t2', '12', 'A', '7')])
      await vouch(books, '1')
      await books.watermark('dropcopy', '15', '2')
      await books.balance('A', 'USD', '5', '3')
    },
  },
  {
    check: PR,
    fault: 'an amount that position and transaction have wrong alike, as the sink makes both',
    why: 'both sides are of ClickHouse',
    seenBy: `${TB} and ${PM}, where the trade-engine has it right`,
    seers: [TB, PM],
    write: async books => {
      await books.transactions([row('t1', '3', 'A', '6', { kind: 'realized_pnl', symbol: 'S' })])
      await books.positions([position('3', { realized_pnl: '6' })])
      await vouch(books, '1', '1')
      await books.balance('A', 'USD', '5', '3')
      await books.position('A', 'S', ['0', '0', '5'], '3')
    },
  },
  {
    check: PR,
    fault: 'two errors among what one account realized in one symbol that cancel each other out',
    why: 'only their sum is compared',
    seenBy: 'a run at an epoch between the two',
    seers: [],
    write: async books => {
      await books.transactions([
        row('t1', '3', 'A', '5.5', { kind: 'realized_pnl', symbol: 'S' }),
        row('t2', '4', 'A', '-2.5', { kind: 'realized_pnl', symbol: 'S' }),
      ])
      await books.positions([position('3', { realized_pnl: '5' }), position('4', { realized_pnl: '3' })])
      await vouch(books, '2', '2')
    },
  },
  {
    check: PR,
    fault: 'realized PnL in the wrong asset, and any fee, funding, settlement or transfer that is wrong',
    why: 'it adds up amounts of realized PnL by account and symbol; of other rows it only proves that they are there',
    seenBy: TB,
    seers: [TB],
    write: async books => {
      await books.transactions([
        row('t1', '3', 'A', '5', { kind: 'realized_pnl', symbol: 'S', asset: 'WRONG' }),
        row('t2', '4', 'A', '-999', { kind: 'fee', symbol: 'S' }),
      ])
      await books.positions([position('3', { realized_pnl: '5' })])
      await vouch(books, '2', '1')
      await books.balance('A', 'USD', '4', '4')
    },
  },
  {
    check: PR,
    fault: 'a quantity or a cost basis that is wrong, and a row of a position that realized nothing and is missing, uncounted',
    why: 'it compares realized PnL alone, and zero and nothing are the same',
    seenBy: PM,
    seers: [PM],
    write: async books => {
      await books.positions([position('3', { quantity: '7', cost_basis: '-7' })])
      await vouch(books, '0', '1')
      await books.position('A', 'S', ['1', '10', '0'], '3')
      await books.position('B', 'S', ['0', '0', '0'], '4')
    },
  },
  {
    check: PM,
    fault: 'a wrong row of history that a later row of the same position has superseded',
    why: 'the last row as of the epoch is what the position is',
    seenBy: 'a run at an epoch between the two',
    seers: [],
    write: async books => {
      await books.positions([position('3', { quantity: '999', cost_basis: '-999', realized_pnl: '999' }), position('8', { quantity: '1' })])
      await vouch(books, '0', '2')
      await books.position('A', 'S', ['1', '0', '0'], '8')
    },
  },
  {
    check: PM,
    fault: 'a row of a position under a wrong sequence, as long as it is the last of its position either way',
    why: 'as of the epoch it is the last either way',
    seenBy: 'a run at an epoch between the two',
    seers: [],
    write: async books => {
      await books.positions([position('2', { quantity: '3' }), position('9', { quantity: '1' })])
      await vouch(books, '0', '2')
      await books.position('A', 'S', ['1', '0', '0'], '5')
    },
  },
  {
    check: PM,
    fault: 'the wrong asset, execution or time in a row of a position',
    why: 'the positions of PostgreSQL have none of these',
    seenBy: 'nobody',
    seers: [],
    write: async books => {
      await books.positions([
        position('3', { quantity: '1', asset: 'WRONG', execution_id: 'WRONG', occurred_at: '2001-01-01 00:00:00.000000' }),
      ])
      await vouch(books, '0', '1')
      await books.position('A', 'S', ['1', '0', '0'], '3')
    },
  },
  {
    check: PM,
    fault: 'a position that is right, while what was booked for it is not',
    why: 'it reads no balance and no transaction',
    seenBy: PR,
    seers: [PR],
    write: async books => {
      await books.transactions([row('t1', '3', 'A', '6', { kind: 'realized_pnl', symbol: 'S' })])
      await books.positions([position('3', { realized_pnl: '5' })])
      await vouch(books, '1', '1')
      await books.balance('A', 'USD', '6', '3')
      await books.position('A', 'S', ['0', '0', '5'], '3')
    },
  },
]

function row(transaction_id: string, sequence: string, account_id: string, amount: string, change: object = {}) {
  return { transaction_id, sequence, account_id, amount, ...change }
}

function position(sequence: string, change: object) {
  return { sequence, execution_id: `e${sequence}${JSON.stringify(change)}`, account_id: 'A', ...change }
}

async function vouch(books: Books, transactions: string, positions = '0'): Promise<void> {
  await books.watermark('dropcopy', '10', transactions)
  await books.watermark('dropcopy', '10', positions, 'positions')
  await books.token('10')
}
