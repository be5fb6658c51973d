import { moneyText, parseMoney } from '../exchange/fixed-point.ts'
import { purposes, type Random, randomAt, seedWords } from '../exchange/random.ts'
import type { CustodianBook, SimWallet } from './book.ts'
import { planLife } from './life.ts'
import type { SimMovement, SimOutcome } from './movement.ts'

/** What every order of a transaction says. */
export interface MovementOrder {
  readonly asset: string
  /** Decimal text, above zero. */
  readonly amount: string
  /** What ties it to a transfer of the exchange; carried as the id of one half of the transactions, and as the description of the others. */
  readonly reference: string
  readonly carriedAs?: 'id' | 'description'
  /** The vault that it arrives in or leaves; chosen unless given. */
  readonly vault?: string
  /** Milliseconds since 1970; now unless given. */
  readonly createdAtMs?: number
  /** From the beginning to the end; drawn unless given. */
  readonly settleMs?: number
  /** SUCCESS unless given; `never` for one that stays on its way. */
  readonly outcome?: SimOutcome | 'never'
  /** Decimal text; drawn for withdrawals unless given, else none. */
  readonly fee?: string
  /** The asset of the movement unless given. */
  readonly feeAsset?: string
}

/** An order of a transfer between two vaults. */
export interface TransferOrder extends MovementOrder {
  readonly vault: string
  readonly toVault: string
}

/** What is made: into the vaults, out of them, between them, or either way under another name. */
export type MovementMake =
  | { readonly type: 'DEPOSIT' | 'WITHDRAW'; readonly order: MovementOrder }
  | { readonly type: 'TRANSFER'; readonly order: TransferOrder }
  | { readonly type: string; readonly direction: 'in' | 'out'; readonly order: MovementOrder }

/** The figures that movements are drawn by. */
export interface MakerFigures {
  readonly seed: string
  readonly settleMsMin: number
  readonly settleMsMax: number
  readonly feeOneIn: number
}

/**
 * Makes the transaction number `ordinal`, the same for the same figures, order and balances. Withdrawals leave the wallet that has most to spare, so that none goes
 * below zero; where none has enough it is an error.
 */
export function makeMovement(book: CustodianBook, figures: MakerFigures, ordinal: number, make: MovementMake, wallMs: number): SimMovement {
  const { order } = make
  const random = randomAt(seedWords(figures.seed), purposes.custodian, BigInt(ordinal))
  const direction = 'direction' in make ? make.direction : make.type === 'DEPOSIT' ? 'in' : 'out'
  const amount = parseMoney(order.amount)
  if (amount <= 0n) throw new Error(`a movement of ${order.amount} moves nothing`)
  const settleMs = order.settleMs ?? drawSettle(random, figures)
  const carriedAs = order.carriedAs ?? (random.oneIn(2) ? 'id' : 'description')
  const asId = carriedAs === 'id' && order.reference !== '' && book.find(order.reference) === undefined
  const fee = order.fee === undefined ? drawFee(random, figures, make.type) : parseMoney(order.fee)
  const feeAsset = order.feeAsset ?? order.asset
  const richest = (asset: string, vault: string | undefined, units: bigint) =>
    richestWallet(book, book.available(wallMs), { asset, vault }, units)
  const outUnits = amount + (feeAsset === order.asset ? fee : 0n)
  const from = direction === 'in' ? undefined : richest(order.asset, order.vault, outUnits)
  const to = make.type === 'TRANSFER' && 'toVault' in order ? order.toVault : order.vault
  const feeFrom = fee === 0n ? undefined : feeAsset === order.asset ? from : richest(feeAsset, from?.vault, fee)
  return {
    id: asId ? order.reference : `tx-${ordinal.toString().padStart(8, '0')}`,
    type: make.type,
    description: asId ? '' : order.reference,
    asset: order.asset,
    amount,
    fee,
    feeAsset,
    ...(feeFrom === undefined ? {} : { feeFrom: place(feeFrom) }),
    ...(from === undefined ? {} : { from: place(from) }),
    ...(direction === 'in' || make.type === 'TRANSFER' ? { to: place(anyWallet(book, random, order.asset, to)) } : {}),
    life: planLife(direction, order.createdAtMs ?? wallMs, settleMs, order.outcome === 'never' ? undefined : (order.outcome ?? 'SUCCESS')),
    hiddenUntilMs: 0,
  }
}

function drawSettle(random: Random, { settleMsMin, settleMsMax }: MakerFigures): number {
  return settleMsMin + random.below(Math.max(1, Math.floor(settleMsMax - settleMsMin) + 1))
}

/** A fee has as many places as money can have. */
function drawFee(random: Random, { feeOneIn }: MakerFigures, type: string): bigint {
  if (type !== 'WITHDRAW' || feeOneIn === 0 || !random.oneIn(feeOneIn)) return 0n
  return BigInt(1 + random.below(1_000_000)) * 10n ** 10n + BigInt(random.below(1_000))
}

function anyWallet(book: CustodianBook, random: Random, asset: string, vault: string | undefined): SimWallet {
  const wallets = book.wallets.filter(wallet => wallet.asset === asset && (vault === undefined || wallet.vault === vault))
  const wallet = wallets[random.below(Math.max(1, wallets.length))]
  if (wallet === undefined) throw new Error(`the custodian has no wallet for ${asset}${vault === undefined ? '' : ` in ${vault}`}`)
  return wallet
}

function richestWallet(
  book: CustodianBook,
  available: ReadonlyMap<string, bigint>,
  { asset, vault }: { readonly asset: string; readonly vault: string | undefined },
  units: bigint,
): SimWallet {
  let richest: SimWallet | undefined
  let most = -1n
  for (const wallet of book.wallets) {
    const has = available.get(wallet.wallet) ?? 0n
    if (wallet.asset !== asset || (vault !== undefined && wallet.vault !== vault) || has <= most) continue
    richest = wallet
    most = has
  }
  if (richest === undefined || most < units) {
    const where = vault === undefined ? '' : ` in ${vault}`
    throw new Error(
      `the custodian has no wallet${where} with ${moneyText(units)} ${asset}; the fullest has ${moneyText(most < 0n ? 0n : most)}`,
    )
  }
  return richest
}

function place({ vault, wallet }: SimWallet) {
  return { vault, wallet }
}
