import { type Epoch, formatEpoch, type Sequence, sequenceOf } from '../epoch/epoch.ts'
import type { AsOfLeg, SnapshotLeg } from '../epoch/leg.ts'
import type { Outcome } from '../epoch/verdict.ts'
import { poll } from '../stores/poll.ts'
import type { SettledHead } from '../stores/state/settled-record.ts'
import type { Attempt, Check } from './check.ts'
import type { CheckSources } from './check-sources.ts'
import { askCustodian, type CustodianAnswer, settledAmong } from './omnibus/ask-custodian.ts'
import { type BooksRows, booksLeg, laterTransfersLeg, readBooks } from './omnibus/books-leg.ts'
import { boundExplained } from './omnibus/bounded.ts'
import { canariesOf, compareCustody } from './omnibus/compare-custody.ts'
import { type CustodySource, SETTLED_PER_RUN_MAX } from './omnibus/custody-source.ts'
import type { OmnibusFacts } from './omnibus/facts.ts'
import { findingsToTell, weighGaps } from './omnibus/gaps.ts'
import { judgeOmnibus } from './omnibus/judge-omnibus.ts'
import { matchOmnibus, type OmnibusMatch } from './omnibus/match.ts'
import { readRealizedPnl, realizedPnlLeg } from './omnibus/realized-leg.ts'
import { keepSettled, NO_HEAD, recallHead, withoutMemory } from './omnibus/remember.ts'
import { nextSettled } from './omnibus/settle.ts'
import type { Transfer } from './omnibus/transfer.ts'
import { pin } from './pin.ts'
import { beginReading, type LegRead, readUntilComplete } from './read-as-of.ts'
import { judgeComparison } from './run-relation.ts'

/** The stream whose sequences the transfers carry. */
const CASH = 'cash'

/**
 * The custodian holds what the books say: balances minus realized PnL, per asset, save for what is on its way (design section 4). PostgreSQL and ClickHouse
 * are pinned at one epoch; the custodian, which has none, is asked after that, and each of its movements is matched by its reference.
 */
export function omnibusBalancesSquare(sources: CheckSources, custody: CustodySource): Check {
  const realized = realizedPnlLeg(sources)
  return {
    name: 'omnibus-balances-square',
    description: 'custodian = opening + PostgreSQL balances - ClickHouse realized PnL, per asset, every movement in flight named',
    strategy: realized.strategy,
    attempt: attempt => square(sources, custody, realized, attempt),
    histories: [realized],
  }
}

async function square(sources: CheckSources, custody: CustodySource, realized: AsOfLeg, attempt: Attempt): Promise<Outcome> {
  const { options, record, scope } = attempt
  const warn = (warning: string) => record.warn(warning)
  const remembered = await recallHead(custody, warn, scope)
  const head = remembered ?? NO_HEAD
  const source = remembered ? custody : withoutMemory(custody)
  const canaries = canariesOf(attempt.canary)
  const pinned = await pin({ leg: booksLeg(sources, head.sequence), epoch: undefined, canary: canaries.books }, attempt)
  if ('verdict' in pinned) return pinned
  const { epoch } = pinned
  const cash = sequenceOf(epoch, CASH)
  if (cash < head.sequence) return regression(epoch, head.sequence)

  const deadlineMs = Math.min(scope.clock.monotonicMs() + options.horizonTimeoutMs, attempt.patienceEndsMs)
  const asOf = { legs: [{ leg: realized, canary: canaries.realized }], epoch, deadlineMs }
  // From here on E is known: whatever the books had by E, the custodian must have had before, and is asked only now.
  const reading = beginReading(asOf, record, scope)
  const asked = record.timed('read', () => askCustodian(source, head, deadlineMs, scope))
  scope.defer(() => Promise.allSettled([reading, asked]))
  const [rows, begun, answer] = await Promise.all([pinned.rows, reading, asked])
  if (!rows) throw new Error('the books were not captured')
  const books = await readBooks(rows.lines(), canaries.books)
  const { result: pnl, legs } = await readUntilComplete(asOf, begun, record, scope, async readings => {
    const [read] = readings
    return read ? readRealizedPnl(read.reading.lines) : new Map<string, string>()
  })

  const facts = await gather(source, head, answer, { books, pnl, cash }, attempt)
  const matched = await matchWithLater(sources, source, facts, cash, deadlineMs, attempt)
  return conclude(source, head, answer, matched, legs, attempt)
}

/** Everything that is to be matched; the canary stays out of it. */
async function gather(
  source: CustodySource,
  head: SettledHead,
  answer: CustodianAnswer,
  { books, pnl, cash }: { readonly books: BooksRows; readonly pnl: ReadonlyMap<string, string>; readonly cash: Sequence },
  { scope }: Attempt,
): Promise<OmnibusFacts> {
  const transfers = books.transfers.filter(({ sequence }) => sequence <= cash)
  const settled = await settledAmong(answer.movements, head, source.memory, scope, transfers)
  const assets = new Set([...books.balances.keys(), ...pnl.keys()])
  return {
    ...answer,
    transfers,
    laterTransfers: [],
    books: [...assets].map(asset => ({ asset, balances: books.balances.get(asset) ?? '0', realizedPnl: pnl.get(asset) ?? '0' })),
    settled: { sums: head.sums, ...settled },
  }
}

interface Matched {
  readonly facts: OmnibusFacts
  readonly match: OmnibusMatch
}

/**
 * Matches; and where withdrawals have left the custodian that the books had not debited by E, looks whether they have since, until the deadline: a
 * withdrawal is debited before it is sent, so that one that nobody debits is none of ours.
 */
async function matchWithLater(
  sources: CheckSources,
  { terms }: CustodySource,
  facts: OmnibusFacts,
  cash: Sequence,
  deadlineMs: number,
  { scope }: Attempt,
): Promise<Matched> {
  const first = { facts, match: matchOmnibus(facts, terms) }
  if (first.match.unbooked.length === 0) return first
  const look = async (): Promise<Matched> => {
    const later = { ...facts, laterTransfers: await readTransfers(laterTransfersLeg(sources, cash), scope) }
    return { facts: later, match: matchOmnibus(later, terms) }
  }
  return poll(look, ({ match }) => match.unbooked.length === 0, deadlineMs, scope)
}

async function readTransfers(leg: SnapshotLeg, scope: Attempt['scope']): Promise<readonly Transfer[]> {
  const capture = await leg.capture(scope)
  const rows = await capture.drain()
  try {
    return (await readBooks(rows.lines())).transfers
  } finally {
    await rows.dispose()
  }
}

async function conclude(
  source: CustodySource,
  head: SettledHead,
  answer: CustodianAnswer,
  { facts, match }: Matched,
  legs: readonly LegRead[],
  attempt: Attempt,
): Promise<Outcome> {
  const { options, record, scope } = attempt
  const warn = (warning: string) => record.warn(warning)
  record.comparison = await record.timed('compare', () => compareCustody(match.custody, attempt))
  const gaps = await weighGaps(source, answer, warn, scope)
  const findings = findingsToTell(match, gaps)
  record.findings = findings.slice(0, options.maxMismatches)
  if (findings.length > record.findings.length)
    warn(`${findings.length - record.findings.length} more findings are not listed (maxMismatches)`)
  record.explained = boundExplained(match.explained, options.maxMismatches)
  const outcome = judgeOmnibus(await judgeComparison(record.comparison, legs, attempt), findings)
  if (outcome.verdict === 'balanced') {
    await keepSettled(source, head, nextSettled(head, facts, match, source.terms, SETTLED_PER_RUN_MAX), warn, scope)
  }
  return outcome
}

function regression(epoch: Epoch, settled: Sequence): Outcome {
  const where = `the epoch ${formatEpoch(epoch)} lies below cash=${settled}, up to which the custodian's history is settled`
  const remedy = 'after a real failover acknowledge it with: recon epoch accept --reason "..."'
  return { verdict: 'inconclusive', reasonCode: 'epoch-regression', reason: `${where}; ${remedy}` }
}
