import { setTimeout as delay } from 'node:timers/promises'
import type { Client } from 'pg'
import { ReconError } from '../../epoch/recon-error.ts'
import { connectPostgres } from '../exchange/connect-postgres.ts'
import type { CashOrders } from '../exchange/messages.ts'
import type { BooksLink } from './books-link.ts'
import type { CustodianParts } from './custodian-parts.ts'
import { planCustody } from './custody-plan.ts'
import type { Followed } from './followed.ts'
import { appendToJournal, readJournal } from './journal.ts'

/** A custodian that follows an exchange. */
export interface Follower extends BooksLink {
  /** What the cash writer must be told when it starts. */
  readonly orders: () => CashOrders
  /** Begins, once it is known where the books stand; rejects where PostgreSQL is not to be had. */
  readonly begin: () => Promise<void>
  /** Whether the custodian has taken every withdrawal that is booked. */
  readonly isCaughtUp: () => boolean
  /** Ends it after the step that it is at; safe to call twice. */
  readonly stop: () => Promise<void>
}

const TICK_MS = 20

/**
 * Has the custodian know of every deposit before the books credit it, and carry out every withdrawal after the books have debited it, so that a sound exchange is
 * balanced at every moment. The transfers are computed from the market, ahead of the cash writer; that one is held back at a deposit which the custodian does not
 * have yet. What the custodian knows goes into a journal in the sandbox, in its order, so that one that is started again tells the same story.
 */
export function followExchange(parts: CustodianParts, followed: Followed): Follower {
  const plan = planCustody(parts, followed)
  const ending = new AbortController()
  let told = 0n
  let written = ''
  let running: Promise<void> = Promise.resolve()

  const step = async (client: Client) => {
    const made = plan.advance()
    const { announced, taken, instead } = plan.progress()
    const progress = `${announced} ${taken} ${instead.size}`
    // Before anybody may build on it.
    if (progress !== written) {
      await appendToJournal(client, made, plan.progress())
      followed.news()
    }
    written = progress
    const through = plan.mayBook()
    if (through === told) return
    told = through
    followed.order({ through, instead })
  }
  const serve = async (client: Client) => {
    while (!ending.signal.aborted) {
      await delay(TICK_MS, undefined, { signal: ending.signal }).catch(() => undefined)
      await step(client)
    }
  }

  return {
    ...plan,
    orders: () => ({ through: told, instead: plan.progress().instead }),
    begin: async () => {
      const { client, lost } = await connectPostgres(followed.postgresUrl, 'custodian')
      const close = () => client.end().catch(() => undefined)
      try {
        plan.resume(await Promise.race([readJournal(client), lost]))
        await Promise.race([step(client), lost])
      } catch (error) {
        await close()
        throw error
      }
      running = Promise.race([serve(client), lost])
        .catch(cause => followed.fail(new ReconError('exchange-failed', `the custodian stopped following: ${String(cause)}`, { cause })))
        .finally(close)
    },
    isCaughtUp: () => plan.progress().taken >= followed.booked(),
    stop: async () => {
      ending.abort()
      await running
    },
  }
}
