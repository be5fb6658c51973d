import { addDecimals, type Decimal, formatDecimal, isZeroDecimal, negateDecimal, subtractDecimals, ZERO } from '../../epoch/decimal.ts'
import type { LedgerFact } from '../../epoch/fact.ts'
import { distinctFacts } from './match-facts.ts'
import { pairBySequence } from './pair-by-sequence.ts'

/** Facts that follow each other in the history of one balance and together come to exactly what the balance is wrong by. */
export interface SuspectRun {
  /** What a balance would have done with them to be wrong by that much. */
  readonly as: 'applied-twice' | 'not-applied'
  readonly facts: readonly LedgerFact[]
}

/** Looks for such runs in facts that are given one by one, in the order of their sequences; memory is bounded by the longest run that is looked for. */
export interface SuspectSearch {
  add(fact: LedgerFact): void
  found(): Suspects
}

/** What a search came to. */
export interface Suspects {
  /** The shortest runs, the first ones in the order of their sequences, and how many there were. */
  readonly runs: readonly SuspectRun[]
  readonly count: bigint
}

const SUSPECTS_LISTED = 3

/** Searches rows of ClickHouse, in the order of stream and sequence, for what a balance may be wrong by. */
export async function findSuspects(rows: AsyncIterable<LedgerFact>, wrongBy: Decimal): Promise<Suspects> {
  const search = searchSuspects(wrongBy, SUSPECTS_LISTED)
  for await (const { history } of pairBySequence(nothing(), rows)) for (const fact of distinctFacts(history)) search.add(fact)
  return search.found()
}

async function* nothing(): AsyncGenerator<LedgerFact> {
  yield* []
}

/** An engine that applied a batch twice did so to facts that follow each other; longer runs than this are chance. */
const RUN_MAX = 1_000

/** Opens a search. `wrongBy` is what the balance has more than its history; nothing is found for zero. */
export function searchSuspects(wrongBy: Decimal, listed: number, runMax = RUN_MAX): SuspectSearch {
  const meanings = [
    ['applied-twice', wrongBy],
    ['not-applied', negateDecimal(wrongBy)],
  ] as const
  let window: LedgerFact[] = []
  /** The running sums before each fact of the window, and after the last; and where each sum stood last. */
  let sums: string[] = []
  let lastAt = new Map<string, number>()
  let sum = ZERO
  let count = 0
  let runs: SuspectRun[] = []
  let runsFound = 0n

  const restart = () => {
    window = []
    sum = ZERO
    sums = [formatDecimal(sum)]
    lastAt = new Map([[formatDecimal(sum), 0]])
    count = 0
  }
  const remember = () => {
    const text = formatDecimal(sum)
    sums.push(text)
    lastAt.set(text, count)
    if (window.length <= runMax) return
    window.shift()
    const forgotten = sums.shift()
    if (forgotten !== undefined && lastAt.get(forgotten) === count - runMax - 1) lastAt.delete(forgotten)
  }
  const keep = (run: SuspectRun) => {
    const shortest = runs[0]?.facts.length ?? Number.POSITIVE_INFINITY
    if (run.facts.length > shortest) return
    if (run.facts.length < shortest) [runs, runsFound] = [[], 0n]
    runsFound += 1n
    if (runs.length < listed) runs.push(run)
  }
  restart()
  return {
    add: fact => {
      if (isZeroDecimal(wrongBy)) return
      if (window.length > 0 && window.at(-1)?.stream !== fact.stream) restart()
      window.push(fact)
      sum = addDecimals(sum, fact.amount)
      count += 1
      for (const [as, target] of meanings) {
        const before = lastAt.get(formatDecimal(subtractDecimals(sum, target)))
        if (before !== undefined && count - before <= runMax) keep({ as, facts: window.slice(before - count) })
      }
      remember()
    },
    found: () => ({ runs, count: runsFound }),
  }
}
