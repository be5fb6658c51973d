import { BUILTIN_CHECK_NAMES, type BuiltinCheckName } from '../../checks/builtin.ts'
import type { Run } from '../../checks/run.ts'
import type { RunOptions } from '../../checks/run-check.ts'
import type { ClickHouseConnection } from '../../stores/clickhouse/connection.ts'
import { openCustodyBooks } from '../omnibus/custody-books.ts'
import { type Books, openBooks } from './books.ts'
import type { TestEngines } from './engines.ts'
import { mark, openMarkBooks, RIGHT } from './mark-books.ts'

/** A check with books that it can be run on: balanced, until a difference is made. */
export interface CanarySubject {
  readonly books: Books
  /** How many keys it compares. */
  readonly keys: string
  run(options?: Partial<RunOptions>, clickhouse?: ClickHouseConnection): Promise<Run>
  /** Makes one key differ. */
  makeDifference(): Promise<void>
  close(): Promise<void>
}

/** What makes the two sides of a check say the same of the canary: a value of the legs in ClickHouse, and what to say instead. */
export interface Equating {
  readonly from: string
  readonly to: string
}

// These need more than the two stores' books.
const ofTheirOwn: readonly string[] = ['pnl-is-zero-sum', 'omnibus-balances-square']

/** Every invariant of the product by name: how its books are opened, and what would make it blind. */
export const canarySubjects: readonly {
  readonly name: string
  readonly equating: Equating
  readonly open: (engines: TestEngines) => Promise<CanarySubject>
}[] = [
  ...BUILTIN_CHECK_NAMES.filter(name => !ofTheirOwn.includes(name)).map(name => ({
    name,
    equating: { from: '2', to: '1' },
    open: (engines: TestEngines) => openRelation(engines, name),
  })),
  { name: 'pnl-is-zero-sum', equating: { from: '2', to: '1' }, open: openZeroSum },
  // The custodian carries no canary, so that the right side is what makes the difference: 3 in the books, less 1 realized.
  { name: 'omnibus-balances-square', equating: { from: '1', to: '2' }, open: openOmnibus },
]

async function openRelation(engines: TestEngines, name: BuiltinCheckName): Promise<CanarySubject> {
  const books = await openBooks(await engines.createStores('canary'))
  await books.token('1')
  await books.balance('A', 'USD', '1', '1')
  await books.position('A', 'S', ['1', '1', '1'], '1')
  await books.positions([{ sequence: '1', execution_id: 'e', account_id: 'A', quantity: '1', cost_basis: '1', realized_pnl: '1' }])
  await books.transactions([{ sequence: '1', transaction_id: 't', account_id: 'A', symbol: 'S', kind: 'realized_pnl', amount: '1' }])
  await books.watermark('dropcopy', '1', '1')
  await books.watermark('dropcopy', '1', '1', 'positions')
  return {
    books,
    keys: '1',
    run: (options = {}, clickhouse = books.clickhouse) => books.checkNamed(name, options, { clickhouse }),
    makeDifference: async () => {
      await books.balance('A', 'USD', '2', '1')
      await books.position('A', 'S', ['2', '1', '1'], '1')
      await books.command(`alter table positions update realized_pnl = 2 where 1 settings mutations_sync = 2`)
    },
    close: () => books.close(),
  }
}

async function openZeroSum(engines: TestEngines): Promise<CanarySubject> {
  const books = await openMarkBooks(engines, 'canary of marks')
  await books.marks([RIGHT.goldOfA, RIGHT.oilOfA, RIGHT.oilOfB])
  const close = () => books.close()
  let marked = false
  const markLast = async (realized: string) => {
    if (marked)
      await books.command(
        `alter table pnl_marks delete where symbol = 'GOLD' and account_id = 'B' and mark_cycle = 3 settings mutations_sync = 2`,
      )
    marked = true
    await books.marks([mark('B', 'GOLD', ['12.5', realized, '-15'])])
  }
  await markLast('-8.5')
  await books.vouch('3', '6')
  return {
    books,
    keys: '2',
    run: (options = {}, clickhouse = books.clickhouse) => books.zeroSum(options, { clickhouse }),
    makeDifference: () => markLast('-9.5'),
    close,
  }
}

async function openOmnibus(engines: TestEngines): Promise<CanarySubject> {
  const { books, custodian, adapter, book, close } = await openCustodyBooks(engines)
  custodian.deposit({ asset: 'USD', amount: '5', reference: 'r' })
  await book({ id: '1', direction: 'deposit', amount: '5', reference: 'r' })
  return {
    books,
    // The custodian has a wallet for the other asset as well.
    keys: '2',
    run: (options = {}, clickhouse = books.clickhouse) =>
      books.checkCustody(
        {
          custodian: adapter,
          terms: { opening: {}, classification: {}, inFlightLimitMs: 3_600_000 },
          inconsistentLimitMs: 3_600_000,
        },
        // The custodian has to answer within the same time, and lives in the process of the test.
        { horizonTimeoutMs: 8_000, ...options },
        { clickhouse },
      ),
    makeDifference: async () => {
      await books.pg.query(`update accounts.balances set balance = balance + 1`)
    },
    close,
  }
}
