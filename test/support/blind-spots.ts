import type { Books } from './books.ts'

/** A fault of two otherwise sound stores that transactions-balance cannot see, by its nature. */
export interface BlindSpot {
  readonly fault: string
  readonly why: string
  readonly seenBy: string
  /** Writes the books with the fault in them, at the epoch dropcopy 10. */
  readonly write: (books: Books) => Promise<void>
}

/** What docs/faults.md says the check cannot see, each as books on which a test shows it. */
export const blindSpots: readonly BlindSpot[] = [
  {
    fault: 'a transaction under the wrong symbol, of the wrong kind, or at the wrong time',
    why: 'a balance is the sum over all of them',
    seenBy: 'symbol and kind of realized PnL: position-realized-pnls-balance; the others: nobody',
    write: async books => {
      await books.transactions([row('t1', '3', 'A', '5', { symbol: 'WRONG', kind: 'funding', occurred_at: '2001-01-01 00:00:00.000000' })])
      await vouch(books, '1')
      await books.balance('A', 'USD', '5', '3')
    },
  },
  {
    fault: 'two errors in one account and asset that cancel each other out',
    why: 'only their sum is compared, and the rows are as many as they should be',
    seenBy: 'positions-match and position-realized-pnls-balance, where they concern trading',
    write: async books => {
      await books.transactions([row('t1', '3', 'A', '5.000000000000000001'), row('t2', '4', 'A', '-2.000000000000000001')])
      await vouch(books, '2')
      await books.balance('A', 'USD', '3', '4')
    },
  },
  {
    fault: 'a transaction under a wrong sequence of its stream, once the epoch is above both the wrong and the right one',
    why: 'as of the epoch it is there either way; a run at an epoch between the two sees it',
    seenBy: 'a run at an epoch between the two',
    write: async books => {
      await books.transactions([row('t1', '9', 'A', '5')])
      await vouch(books, '1')
      await books.balance('A', 'USD', '5', '3')
    },
  },
  {
    fault: 'a transaction under a content address that is not its own',
    why: 'addresses are opaque: they only have to be distinct',
    seenBy: 'nobody, until the right one comes as well: then `rows-extra`',
    write: async books => {
      await books.transactions([row('somebody-else:fee:B:EUR', '3', 'A', '5')])
      await vouch(books, '1')
      await books.balance('A', 'USD', '5', '3')
    },
  },
  {
    fault: 'a transaction of amount zero that is missing, and that its watermark does not count either',
    why: 'neither the sum nor the count misses it; counted, it would be rows-missing',
    seenBy: 'nobody',
    write: async books => {
      await books.transactions([row('t1', '3', 'A', '5')])
      await vouch(books, '1')
      await books.balance('A', 'USD', '5', '4')
    },
  },
  {
    fault: 'a balance of zero whose row is missing, or was made up',
    why: 'in a relation of sums nothing and zero are the same',
    seenBy: 'the gate, where presence is a value',
    write: async books => {
      await books.transactions([row('t1', '3', 'A', '5'), row('t2', '4', 'A', '-5')])
      await vouch(books, '2')
      await books.balance('PHANTOM', 'USD', '0', '4')
    },
  },
  {
    fault: 'a trade-engine that stands still, while the sink goes on',
    why: 'the books are balanced at the epoch where it stands, which the run names',
    seenBy: 'whoever watches that the epochs of the runs go on',
    write: async books => {
      await books.transactions([row('t1', '3', 'A', '5'), row('t2', '12', 'A', '7')])
      await vouch(books, '1')
      await books.watermark('dropcopy', '15', '2')
      await books.balance('A', 'USD', '5', '3')
    },
  },
]

function row(transaction_id: string, sequence: string, account_id: string, amount: string, change: object = {}) {
  return { transaction_id, sequence, account_id, amount, ...change }
}

async function vouch(books: Books, rowsTotal: string): Promise<void> {
  await books.watermark('dropcopy', '10', rowsTotal)
  await books.token('10')
}
