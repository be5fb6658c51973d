import { effectsOf, endedAt, ownVault, type SimMovement, statusAt, type WalletPlace } from './movement.ts'

/** A wallet and what it held when the custodian opened, in units of 10^-18. */
export interface SimWallet extends WalletPlace {
  readonly asset: string
  readonly opening: bigint
}

/** What a simulated custodian knows: its wallets, and every transaction since the opening. What it says is a function of this and of the clock. */
export interface CustodianBook {
  readonly wallets: readonly SimWallet[]
  /** In the order in which they were made, oldest first. */
  readonly movements: () => readonly SimMovement[]
  readonly find: (id: string) => SimMovement | undefined
  /** Appends; an id that is there already is an error. */
  readonly add: (movements: readonly SimMovement[]) => void
  /** Replaces every transaction by what `edit` makes of it, in its place: a fault rewrites what has been said. */
  readonly rewrite: (edit: (movement: SimMovement) => SimMovement) => void
  /** What each wallet holds, by its id, in units of 10^-18. */
  readonly balances: (wallMs: number) => ReadonlyMap<string, bigint>
  /** What each wallet holds less what is on its way out. */
  readonly available: (wallMs: number) => ReadonlyMap<string, bigint>
  /** A page of a vault's list, newest first, from behind `afterId`; undefined for an id that is not in the list. */
  readonly page: (vault: string, limit: number, afterId: string | undefined, wallMs: number) => BookPage | undefined
}

/** A page, and whether there is more behind it. */
export interface BookPage {
  readonly movements: readonly SimMovement[]
  readonly more: boolean
}

/** Opens a book without transactions. */
export function openBook(wallets: readonly SimWallet[]): CustodianBook {
  let movements: SimMovement[] = []
  let places = new Map<string, number>()
  // What has ended is summed once; the others are looked at again at every question.
  let sums = new Map<string, bigint>()
  let open = new Set<SimMovement>()

  const begin = (list: readonly SimMovement[]) => {
    movements = [...list]
    places = new Map(movements.map((movement, place) => [movement.id, place]))
    if (places.size !== movements.length) throw new Error('two transactions of the custodian have the same id')
    sums = new Map(wallets.map(wallet => [wallet.wallet, wallet.opening]))
    open = new Set(movements)
  }
  const settle = (wallMs: number) => {
    for (const movement of open) {
      if (endedAt(movement, wallMs) === undefined) continue
      open.delete(movement)
      if (statusAt(movement, wallMs) === 'SUCCESS' && movement.gone !== true) apply(sums, movement)
    }
  }
  begin([])
  return {
    wallets,
    movements: () => movements,
    find: id => movements[places.get(id) ?? -1],
    add: added => {
      for (const movement of added) {
        if (places.has(movement.id)) throw new Error(`the custodian has a transaction ${movement.id} already`)
        places.set(movement.id, movements.length)
        movements.push(movement)
        open.add(movement)
      }
    },
    rewrite: edit => begin(movements.map(edit)),
    balances: wallMs => {
      settle(wallMs)
      return sums
    },
    available: wallMs => {
      settle(wallMs)
      const left = new Map(sums)
      for (const movement of open) {
        if (movement.gone === true) continue
        for (const { wallet, units } of effectsOf(movement)) if (units < 0n) left.set(wallet, (left.get(wallet) ?? 0n) + units)
      }
      return left
    },
    page: (vault, limit, afterId, wallMs) => {
      const after = afterId === undefined ? movements.length : places.get(afterId)
      if (after === undefined) return undefined
      const found: SimMovement[] = []
      for (let place = after - 1; place >= 0 && found.length <= limit; place--) {
        const movement = movements[place]
        if (movement !== undefined && isListed(movement, vault, wallMs)) found.push(movement)
      }
      return { movements: found.slice(0, limit), more: found.length > limit }
    },
  }
}

function apply(sums: Map<string, bigint>, movement: SimMovement): void {
  for (const { wallet, units } of effectsOf(movement)) sums.set(wallet, (sums.get(wallet) ?? 0n) + units)
}

/** A transfer between vaults stands in the lists of both. */
function isListed(movement: SimMovement, vault: string, wallMs: number): boolean {
  if (movement.gone === true || wallMs < movement.hiddenUntilMs) return false
  return ownVault(movement) === vault || movement.to?.vault === vault
}
