import type { AmountTexts } from './amounts.ts'

/** One of the places that say what a key comes to; null where it has no such key. */
export interface View {
  readonly store: 'postgres' | 'clickhouse'
  /** Its part of the store, as it is called in the reference model. */
  readonly part: string
  readonly values: AmountTexts | null
}

/** What the likely cause of a difference is judged by. */
export interface CauseEvidence {
  /** The state row as of the run's epoch; absent where it has changed since and the run did not see it. */
  readonly state?: View
  /** The sum of PostgreSQL's logs. */
  readonly log: View
  /** What ClickHouse comes to, by each of its tables that has a say. */
  readonly histories: readonly View[]
  /** Who knows of the first sequence at which facts differ; undefined where none do. */
  readonly firstKnownTo: 'both' | 'history' | 'log' | 'nobody' | undefined
  /** What was realized and added is sums: zero and absent are the same. */
  readonly aggregating: boolean
  /** Whether the key has, or may have, rows of kinds that no log of PostgreSQL confirms. */
  readonly unlogged: boolean
  /** Whether watermarks vouched for all of ClickHouse's rows that the run read. */
  readonly vouched: boolean
  /** Rows that the run missed, by its watermarks, and that no explained fact accounts for. */
  readonly rowsUnaccounted: bigint
  /** Events of unlogged kinds whose rows do not sum to zero over all accounts. */
  readonly unbalancedEvents: number
  readonly truncated: boolean
}

/** Codes for why a store is thought to be wrong. The list grows; no code changes its meaning. */
export const CAUSE_CODES = [
  'state-differs',
  'log-differs',
  'history-differs',
  'event-not-folded',
  'event-not-written',
  'unlogged-rows-missing',
  'unlogged-event-unbalanced',
  'healed',
  'undecided',
  'too-many-facts',
] as const

/** Which store is likely wrong, in which part, and why that is thought, as a code and as a sentence. */
export interface Cause {
  readonly store: 'postgres' | 'clickhouse' | null
  readonly part: string | null
  readonly code: (typeof CAUSE_CODES)[number]
  readonly why: string
}

/**
 * Judges which store is wrong. Logs, state and history each say what a key comes to, and the one that stands alone is likely wrong. Two things overrule that: log
 * and state have one writer, which may have skipped an event that ClickHouse has whole; and what no log confirms can only be vouched for by ClickHouse's own counts.
 */
export function judgeCause(evidence: CauseEvidence): Cause {
  const { state, log, histories, firstKnownTo, truncated } = evidence
  if (truncated)
    return undecided('too-many-facts', 'the key has more facts than are read; raise the timeout and look at a smaller range by hand')
  const agree = (a: View, b: View) => sayingOf(a, evidence) === sayingOf(b, evidence)
  const views = [...(state ? [state] : []), log, ...histories]
  const backing = (view: View) => views.filter(other => agree(other, view)).length
  const most = Math.max(...views.map(backing))
  const alone = views.filter(view => backing(view) < most)
  // Two different sayings may have equally many behind them, or each its own.
  const trusted = views.filter(view => backing(view) === most)
  if (firstKnownTo === 'history' && (state === undefined || agree(state, log))) return notFolded(evidence)
  if (trusted.length > most || most === 1) return undecided('undecided', `${tell(views)}: that does not tell which is wrong`)
  const [odd] = alone
  if (odd === undefined) return undecided('undecided', `${tell(views)}: read again, they all agree`)
  if (alone.some(view => view.store !== odd.store)) return undecided('undecided', `${tell(views)}: more than one of them is wrong`)
  if (odd === state) return stateAlone(evidence, odd)
  if (odd === log) {
    return { store: 'postgres', part: log.part, code: 'log-differs', why: `${tell(views)}: the log stands alone` }
  }
  const part = alone.map(view => view.part).join(' and ')
  if (firstKnownTo === 'log') {
    const why = `${tell(views)}: PostgreSQL has the event of the first difference in its log, and ClickHouse has nothing of it`
    return { store: 'clickhouse', part, code: 'event-not-written', why }
  }
  return { store: 'clickhouse', part, code: 'history-differs', why: `${tell(views)}: ClickHouse's ${part} stand alone` }
}

/** The cause of a difference that a re-read does not show any more. */
export function healedCause(changed: View | undefined, before: AmountTexts | null): Cause {
  if (!changed) return { store: null, part: null, code: 'healed', why: 'healed since: read again, both sides agree' }
  const [was, is] = [say(before), say(changed.values)]
  const why = `healed since: ${nameOf(changed)} said ${was} when the run read them, and say ${is} now, as the other side does`
  return { store: changed.store, part: changed.part, code: 'healed', why }
}

function stateAlone({ log, histories, unlogged, vouched, rowsUnaccounted, unbalancedEvents }: CauseEvidence, state: View): Cause {
  const part = histories[0]?.part ?? 'transactions'
  if (unbalancedEvents > 0) {
    const events = unbalancedEvents === 1 ? 'an event' : `${unbalancedEvents} events`
    const why = `PostgreSQL keeps no log of funding and settlement, and in ClickHouse ${events} of them that touched this key do not sum to zero over all accounts`
    return { store: 'clickhouse', part, code: 'unlogged-event-unbalanced', why }
  }
  if (unlogged && rowsUnaccounted > 0n) {
    const why = `the logs and ClickHouse agree on all that the logs know, but by its own watermarks ClickHouse lacks ${rowsUnaccounted} rows that no fact explained here accounts for, and PostgreSQL keeps no log of funding and settlement: such a row is likely missing`
    return { store: 'clickhouse', part, code: 'unlogged-rows-missing', why }
  }
  const saying = `${tell([log, ...histories])}, but ${nameOf(state)} say ${say(state.values)}`
  if (unlogged && !vouched) {
    return undecided(
      'undecided',
      `${saying}: either the state row is wrong or a row of funding or settlement is missing, for which no watermark vouched`,
    )
  }
  const why = `${saying}: the state row stands alone`
  return { store: 'postgres', part: state.part, code: 'state-differs', why }
}

function notFolded({ log, state }: CauseEvidence): Cause {
  const part = [log, ...(state ? [state] : [])].map(view => view.part).join(' and ')
  const why = `ClickHouse has the event of the first difference as a whole, with its fee and the credit of it, under a sequence that the feed gave it and that ${nameOf(log)} do not know: the engine did not fold it`
  return { store: 'postgres', part, code: 'event-not-folded', why }
}

function undecided(code: 'undecided' | 'too-many-facts', why: string): Cause {
  return { store: null, part: null, code, why }
}

function tell(views: readonly View[]): string {
  const sayings = new Map<string, View[]>()
  for (const view of views) sayings.set(say(view.values), [...(sayings.get(say(view.values)) ?? []), view])
  return [...sayings].map(([saying, those]) => `${those.map(nameOf).join(' and ')} say ${saying}`).join(', ')
}

function nameOf({ store, part }: View): string {
  return `${store === 'postgres' ? "PostgreSQL's" : "ClickHouse's"} ${part}`
}

function say(values: AmountTexts | null): string {
  if (values === null) return 'nothing'
  const entries = Object.entries(values)
  return entries.length === 1 ? (entries[0]?.[1] ?? '') : entries.map(([name, value]) => `${name} ${value}`).join(', ')
}

function sayingOf({ values }: View, { aggregating, log }: CauseEvidence): string {
  if (values === null && aggregating) return JSON.stringify(Object.fromEntries(Object.keys(log.values ?? {}).map(name => [name, '0'])))
  return JSON.stringify(values)
}
