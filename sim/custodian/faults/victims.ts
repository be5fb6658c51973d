import type { CustodianBook } from '../book.ts'
import type { BooksLink } from '../books-link.ts'
import { endedAt, type SimMovement, statusAt } from '../movement.ts'

/** Looks for what a fault can happen to. */
export interface Victims {
  /** The newest deposit that has moved money and that the books have credited. */
  readonly creditedDeposit: () => SimMovement | undefined
  /** The newest withdrawal that has moved money. */
  readonly sentWithdrawal: () => SimMovement | undefined
  /** The newest withdrawal that is on its way to success, or else the newest that has moved money. */
  readonly debitedWithdrawal: () => SimMovement | undefined
  /** The newest transaction that has moved money. */
  readonly moved: () => SimMovement | undefined
}

/** Looks among the movements of a book that are listed; where a reference is given, only at what belongs to it. Without books, everything is taken for credited. */
export function victimsIn(book: CustodianBook, books: BooksLink | undefined, nowMs: number, reference: string | undefined): Victims {
  const newest = (suits: (movement: SimMovement) => boolean) =>
    book
      .movements()
      .findLast(
        movement =>
          movement.gone !== true &&
          movement.hiddenUntilMs <= nowMs &&
          (reference === undefined || referenceOf(movement, books) === reference) &&
          suits(movement),
      )
  const hasMoved = (movement: SimMovement) => statusAt(movement, nowMs) === 'SUCCESS'
  const isOnItsWay = (movement: SimMovement) => {
    const last = movement.life.at(-1)?.status
    return endedAt(movement, nowMs) === undefined && last === 'SUCCESS'
  }
  const sentWithdrawal = () => newest(movement => movement.type === 'WITHDRAW' && hasMoved(movement))
  return {
    creditedDeposit: () =>
      newest(
        movement =>
          movement.type === 'DEPOSIT' && hasMoved(movement) && (books === undefined || books.hasBooked(referenceOf(movement, books))),
      ),
    sentWithdrawal,
    debitedWithdrawal: () => newest(movement => movement.type === 'WITHDRAW' && isOnItsWay(movement)) ?? sentWithdrawal(),
    moved: () => newest(hasMoved),
  }
}

/** What ties a movement to a transfer: its description, or its id where it has none. */
export function referenceOf({ id, description }: SimMovement, books?: BooksLink): string {
  return description === '' || books?.transferOf(id) !== undefined ? id : description
}
