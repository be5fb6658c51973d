import { moneyText } from '../exchange/fixed-point.ts'

/** What a run must say of one key that a fault makes differ: left minus right, in exact canonical decimal text. */
export interface PlantedDifference {
  readonly kind: 'value' | 'missing-left' | 'missing-right'
  readonly key: Readonly<Record<string, string>>
  readonly difference: Readonly<Record<string, string>>
}

/** The checks whose differing keys are told beforehand, key by key and digit by digit. */
export type ComparedCheck = 'transactions-balance' | 'position-realized-pnls-balance' | 'positions-match'

/** The values of a row, by name, in units of 10^-18. */
export type Units = Readonly<Record<string, bigint>>

/** What the two sides of a check say of one key; undefined where a side has no row. */
export interface Sides {
  readonly key: Readonly<Record<string, string>>
  readonly left: Units | undefined
  readonly right: Units | undefined
}

/** The keys on which two sides differ, in the byte order of the keys. `aggregating`: zero and no row are the same. */
export function differencesOf(sides: readonly Sides[], aggregating: boolean): readonly PlantedDifference[] {
  return inKeyOrder(
    sides.flatMap(({ key, left, right }): PlantedDifference[] => {
      const names = Object.keys(left ?? right ?? {})
      const units = names.map(name => [name, (left?.[name] ?? 0n) - (right?.[name] ?? 0n)] as const)
      const samePresence = aggregating || (left === undefined) === (right === undefined)
      if (samePresence && units.every(([, difference]) => difference === 0n)) return []
      const kind = left === undefined ? 'missing-left' : right === undefined ? 'missing-right' : 'value'
      return [{ kind, key, difference: Object.fromEntries(units.map(([name, difference]) => [name, moneyText(difference)])) }]
    }),
  )
}

/** Orders differences as the checks do: by the bytes of each key field in turn. */
export function inKeyOrder<T extends PlantedDifference>(differences: readonly T[]): readonly T[] {
  const fields = ({ key }: PlantedDifference) => Object.values(key).map(text => Buffer.from(text))
  return [...differences].sort((a, b) => {
    const theirs = fields(b)
    return fields(a).reduce((order, field, at) => order || Buffer.compare(field, theirs[at] ?? Buffer.alloc(0)), 0)
  })
}
