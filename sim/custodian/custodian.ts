import { moneyText } from '../exchange/fixed-point.ts'
import type { BooksLink } from './books-link.ts'
import { type CustodianParts, openCustodian } from './custodian-parts.ts'
import type { CustodianFaultName } from './faults/catalogue.ts'
import { strikeCustodian } from './faults/strike.ts'
import type { StrikeOptions, StruckCustodian } from './faults/struck.ts'
import { endLife } from './life.ts'
import type { MovementOrder, TransferOrder } from './make-movement.ts'
import { endedAt, isOutcome, type SimMovement, statusAt } from './movement.ts'
import type { CustodianOptions } from './options.ts'

/** How many transactions there are, and what was asked. */
export interface CustodianStatus {
  readonly pending: number
  readonly success: number
  readonly failed: number
  readonly requests: number
}

/** A running simulated custodian. */
export interface SimCustodian {
  readonly url: string
  readonly apiKey: string
  readonly vaults: readonly string[]
  readonly assets: readonly string[]
  readonly deposit: (order: MovementOrder) => SimMovement
  /** Fails where no wallet has enough. */
  readonly withdraw: (order: MovementOrder) => SimMovement
  /** Moves between two vaults. */
  readonly transfer: (order: TransferOrder) => SimMovement
  /** A transaction of any other type, as STAKING_REWARD. */
  readonly other: (type: string, direction: 'in' | 'out', order: MovementOrder) => SimMovement
  /** Ends everything that is on its way and would end by itself, now. */
  readonly settleAll: () => void
  readonly status: () => CustodianStatus
  /** How many connections are open now. */
  readonly connections: () => Promise<number>
  /** What it holds of an asset in all vaults, as decimal text. */
  readonly total: (asset: string) => string
  /** Every transaction, oldest first, whatever the list shows of it. */
  readonly movements: () => readonly SimMovement[]
  /** Plants a fault, as soon as there is a movement that suits, and tells what it did; see `strikeCustodian`. */
  readonly strike: (fault: CustodianFaultName, options?: StrikeOptions) => Promise<StruckCustodian>
  /** Ends the server; safe to call twice. */
  readonly stop: () => Promise<void>
}

/** Starts a simulated custodian on a free port of the loopback, in this process. */
export async function startCustodian(options: CustodianOptions = {}): Promise<SimCustodian> {
  return custodianHandle(await openCustodian(options))
}

/** The handle of a custodian that is open, and of the books that its faults may be committed in. */
export function custodianHandle(parts: CustodianParts, books?: BooksLink): SimCustodian {
  const { book, http } = parts
  const take = (movement: SimMovement) => {
    book.add([movement])
    return movement
  }
  let stopping: Promise<void> | undefined
  return {
    url: http.url,
    apiKey: parts.apiKey,
    vaults: parts.vaults,
    assets: parts.assets,
    deposit: order => take(parts.make({ type: 'DEPOSIT', order })),
    withdraw: order => take(parts.make({ type: 'WITHDRAW', order })),
    transfer: order => take(parts.make({ type: 'TRANSFER', order })),
    other: (type, direction, order) => take(parts.make({ type, direction, order })),
    settleAll: () => {
      const nowMs = parts.wallMs()
      book.rewrite(movement => settled(movement, nowMs))
    },
    status: () => statusOf(parts),
    connections: http.connections,
    total: asset => totalOf(parts, asset),
    movements: () => book.movements().filter(movement => movement.gone !== true),
    strike: (fault, options) => strikeCustodian(parts, books, fault, options),
    stop: () => {
      stopping ??= http.stop()
      return stopping
    },
  }
}

/** Something that never ends by itself stays as it is. */
function settled(movement: SimMovement, nowMs: number): SimMovement {
  const last = movement.life.at(-1)
  if (last === undefined || last.fromMs <= nowMs || !isOutcome(last.status)) return movement
  return { ...movement, life: endLife(movement.life, last.status, nowMs) }
}

function statusOf({ book, http, wallMs }: CustodianParts): CustodianStatus {
  const nowMs = wallMs()
  const counts = { pending: 0, success: 0, failed: 0 }
  for (const movement of book.movements()) {
    if (movement.gone === true) continue
    if (endedAt(movement, nowMs) === undefined) counts.pending++
    else if (statusAt(movement, nowMs) === 'SUCCESS') counts.success++
    else counts.failed++
  }
  return { ...counts, requests: http.requests() }
}

function totalOf({ book, wallMs }: CustodianParts, asset: string): string {
  const balances = book.balances(wallMs())
  return moneyText(book.wallets.reduce((sum, { wallet, asset: of }) => (of === asset ? sum + (balances.get(wallet) ?? 0n) : sum), 0n))
}
