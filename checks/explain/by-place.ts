import type { Placed } from './ports.ts'

/** Facts of several keys in one stream, taken key by key in the order of their places; each place once. */
export interface ByPlace<Fact> {
  /** The facts of one key; what is left of the keys before it is passed over. */
  of(place: number): AsyncGenerator<Fact>
  /** Ends the stream beneath. */
  close(): Promise<void>
}

/** Splits a stream of facts, in the order of their places, into one stream for each key. */
export function byPlace<Fact>(facts: AsyncIterable<Placed<Fact>>): ByPlace<Fact> {
  const source = facts[Symbol.asyncIterator]()
  let pending: IteratorResult<Placed<Fact>> | undefined
  const next = async () => {
    pending ??= await source.next()
    return pending
  }
  return {
    async *of(place) {
      for (let result = await next(); !result.done && result.value.place <= place; result = await next()) {
        const { value } = result
        pending = undefined
        if (value.place === place) yield value.fact
      }
    },
    close: async () => {
      await source.return?.()
    },
  }
}
