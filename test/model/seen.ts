import { expect } from 'vitest'
import type { Played } from './interleaving.ts'

/** What happened over all cases: a property that never meets what it is about proves nothing. */
export class Seen {
  readonly #counts = new Map<string, number>()

  add({ runs }: Played): void {
    for (const { run } of runs) {
      this.#add(`${run.verdict}/${run.reasonCode}`)
      if (run.verdict === 'inconclusive') continue
      if (run.capture.torn > 0) this.#add('conclusive after a torn cut')
      if (run.horizon.waitedMs > 20) this.#add('conclusive after waiting for the horizon')
      if (run.horizon.readings > 1) this.#add('conclusive after reading again')
      if (run.horizon.legs.some(({ duplicates }) => duplicates !== '0')) this.#add('conclusive over duplicates')
      if (run.horizon.legs.some(({ at }) => Object.keys(at).some(stream => at[stream] !== run.epoch?.[stream])))
        this.#add('conclusive below the horizon')
    }
  }

  #add(what: string): void {
    this.#counts.set(what, (this.#counts.get(what) ?? 0) + 1)
  }

  /** Fails for everything of the list that never happened; not where somebody asked for a single case, or for few. */
  expectAll(what: readonly string[]): void {
    if (process.env['FC_PATH'] !== undefined || process.env['FC_RUNS'] !== undefined) return
    expect(what.filter(each => !this.#counts.has(each))).toEqual([])
  }
}
