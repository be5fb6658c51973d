import { moneyText } from '../exchange/fixed-point.ts'
import type { BookPage, CustodianBook } from './book.ts'
import { endedAt, ownVault, type SimMovement, statusAt } from './movement.ts'

/** The answer to GET /v2/vaults/{vaultId}, as the object that is sent. */
export function vaultAnswer(book: CustodianBook, vault: string, wallMs: number) {
  const balances = book.balances(wallMs)
  const available = book.available(wallMs)
  return {
    data: {
      vaultId: vault,
      name: `vault ${vault}`,
      assets: book.wallets
        .filter(wallet => wallet.vault === vault)
        .map(({ wallet, asset }) => ({
          walletId: wallet,
          assetType: asset,
          availableBalance: quantity(available.get(wallet) ?? 0n, asset),
          totalBalance: quantity(balances.get(wallet) ?? 0n, asset),
        })),
    },
  }
}

/** The answer to GET /v2/transactions, as the object that is sent; `next` is the address of the page behind it. */
export function transactionsAnswer(page: BookPage, next: (afterId: string) => string, wallMs: number) {
  const last = page.movements.at(-1)
  return {
    data: page.movements.map(movement => transactionAnswer(movement, wallMs)),
    page: { next: page.more && last !== undefined ? next(last.id) : null },
  }
}

function transactionAnswer(movement: SimMovement, wallMs: number) {
  const ended = endedAt(movement, wallMs)
  return {
    id: movement.id,
    transactionType: movement.type,
    status: statusAt(movement, wallMs),
    amount: quantity(movement.amount, movement.asset),
    ...(movement.fee === 0n ? {} : { fee: quantity(movement.fee, movement.feeAsset) }),
    assetType: movement.asset,
    vaultId: ownVault(movement),
    dateTime: ended === undefined ? null : new Date(ended).toISOString(),
    description: movement.description,
    blockchainTxId: ended === undefined ? '' : `0x${Buffer.from(movement.id).toString('hex')}`,
  }
}

function quantity(units: bigint, assetType: string) {
  return { quantity: moneyText(units), assetType }
}
