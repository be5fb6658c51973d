import type { Run } from '../../checks/run.ts'
import type { ExchangeHistory, HistoryFault } from '../../sim/testing/exchange-history.ts'
import type { PlayLog } from '../../sim/testing/play.ts'

/** A run of the model, and what its caller knows of it. */
export interface ObservedRun {
  readonly run: Run
  readonly startedMs: number
  readonly finishedMs: number
  readonly aborted: boolean
  readonly captureTimeoutMs: number
  readonly horizonTimeoutMs: number
  /** What the runs that had finished before it began have seen. */
  readonly seenBefore: ReadonlyMap<string, bigint>
}

/** What else there is to know of the world in which the runs took place. */
export interface World {
  readonly script: ExchangeHistory
  readonly log: PlayLog
  readonly caughtUp: boolean
  /** The longest that a round trip takes. */
  readonly tripMsMax: number
  /** Reasons that the stores were made to give. */
  readonly storeFailures: ReadonlySet<string>
}

/**
 * Says what is wrong with a run, judged from the list of facts and the faults alone; empty where nothing is. It shares no code with the product: sums are
 * units of 10^-18 as bigint, and an epoch is a Map.
 */
export function judgeRun(observed: ObservedRun, world: World): readonly string[] {
  const { run, aborted } = observed
  const epoch = new Map(Object.entries(run.epoch ?? {}).map(([stream, at]) => [stream, BigInt(at)]))
  const problems = regressions(observed, epoch)
  if (aborted && run.verdict === 'inconclusive' && run.reasonCode === 'cancelled') return problems
  if (run.verdict === 'inconclusive' && run.reasonCode !== 'horizon-timeout')
    return [...problems, ...excuseProblems(observed, world, epoch)]
  const leg = run.horizon.legs[0]
  if (run.verdict === 'inconclusive' && leg === undefined) return [...problems, ...excuseProblems(observed, world, epoch)]
  if (leg === undefined) return [...problems, `${run.verdict} without a horizon`]
  const horizon = new Map(Object.entries(leg.at).map(([stream, at]) => [stream, BigInt(at)]))
  return [...problems, ...horizonProblems(observed, world, epoch, horizon), ...verdictProblems(observed, world, epoch, horizon)]
}

function regressions({ run, seenBefore }: ObservedRun, epoch: ReadonlyMap<string, bigint>): string[] {
  if (run.epoch === null || run.verdict === 'inconclusive') return []
  return [...seenBefore].flatMap(([stream, seen]) =>
    (epoch.get(stream) ?? 0n) < seen ? [`epoch of ${stream} went back from ${seen}`] : [],
  )
}

/** An inconclusive verdict needs its cause in the world. */
function excuseProblems(
  { run, finishedMs, startedMs, horizonTimeoutMs }: ObservedRun,
  world: World,
  epoch: ReadonlyMap<string, bigint>,
): string[] {
  const { log, script, storeFailures, tripMsMax } = world
  const excused = (holds: boolean) => (holds ? [] : [`${run.reasonCode} without a cause: ${run.reason}`])
  if (storeFailures.has(run.reasonCode)) return []
  switch (run.reasonCode) {
    case 'torn-cut':
      return excused(log.torn.some(({ fromMs, untilMs }) => fromMs <= finishedMs && untilMs >= finishedMs - tripMsMax))
    case 'horizon-timeout': {
      const behind = [...epoch].some(
        ([stream, at]) => at > 0n && !log.watermarks.some(mark => mark.stream === stream && mark.sequence >= at && mark.atMs < finishedMs),
      )
      return excused(behind && finishedMs - startedMs >= horizonTimeoutMs)
    }
    case 'watermark-conflict':
      return excused(script.faults.some(fault => fault.name === 'watermarks-disagree' && (epoch.get(fault.stream) ?? 0n) > 0n))
    case 'epoch-regression':
      return excused(log.struck.some(({ fault, atMs }) => fault.name === 'token-regressed' && atMs <= finishedMs))
    default:
      return excused(false)
  }
}

/** The horizon is the least watermark at or above the epoch, of those that the run can have seen. */
function horizonProblems(
  { startedMs, finishedMs, run }: ObservedRun,
  { log }: World,
  epoch: ReadonlyMap<string, bigint>,
  horizon: ReadonlyMap<string, bigint>,
): string[] {
  return [...epoch].flatMap(([stream, needed]) => {
    const at = horizon.get(stream) ?? -1n
    if (needed === 0n) return at === 0n ? [] : [`the horizon of ${stream} is ${at} where nothing was folded`]
    const marks = log.watermarks.filter(mark => mark.stream === stream && mark.sequence >= needed)
    const twins = new Set(marks.filter(({ sequence, atMs }) => sequence === at && atMs < startedMs).map(({ rowsTotal }) => rowsTotal))
    return [
      ...(marks.some(({ sequence, atMs }) => sequence === at && atMs <= finishedMs)
        ? []
        : [`the horizon ${at} of ${stream} is no watermark at or above ${needed}`]),
      ...(marks.some(({ sequence, atMs }) => sequence < at && atMs < startedMs) ? [`the horizon ${at} of ${stream} is not the least`] : []),
      ...(twins.size > 1 ? [`${run.verdict} over watermarks of ${stream} that disagree at ${at}`] : []),
    ]
  })
}

interface Expected {
  readonly verdict: string
  readonly reasons: ReadonlySet<string>
  /** Left minus right by key, where it is not zero. */
  readonly differences: ReadonlyMap<string, bigint>
}

function verdictProblems(
  observed: ObservedRun,
  world: World,
  epoch: ReadonlyMap<string, bigint>,
  horizon: ReadonlyMap<string, bigint>,
): string[] {
  const { run, startedMs, finishedMs } = observed
  // What happened while the run was on its way it may have seen or not.
  const struck = world.log.struck.filter(({ atMs }) => atMs <= finishedMs)
  const maybe = struck.filter(({ atMs }) => atMs >= startedMs)
  const surely = struck.filter(({ atMs }) => atMs < startedMs)
  const twins = world.script.faults.filter(fault => fault.name === 'watermarks-disagree')
  const allowed = subsets(maybe).flatMap(some =>
    (twins.length > 0 ? [0n, 1n] : [0n]).map(surplus =>
      expect({ ...world, log: { ...world.log, struck: [...surely, ...some] } }, epoch, horizon, surplus),
    ),
  )
  const found = new Map(run.mismatches.map(({ key, difference }) => [keyOf(key), units(difference['balance'] ?? '')]))
  const fits = ({ verdict, reasons, differences }: Expected) =>
    verdict === run.verdict && reasons.has(run.reasonCode) && (verdict === 'inconclusive' || sameMap(differences, found))
  if (!allowed.some(fits)) {
    const wanted = allowed.map(({ verdict, reasons, differences }) => `${verdict}/${[...reasons].join('|')} ${show(differences)}`)
    return [`got ${run.verdict}/${run.reasonCode} ${show(found)}, expected ${wanted.join(' or ')}: ${run.reason}`]
  }
  if (run.mismatchCount !== String(found.size)) return [`${run.mismatchCount} mismatches counted and ${found.size} listed`]
  const waited = finishedMs - startedMs >= observed.horizonTimeoutMs
  if ((run.reasonCode === 'rows-missing' || run.reasonCode === 'horizon-timeout') && !waited)
    return [`${run.reasonCode} before the deadline`]
  return []
}

/** What a run at this epoch must say, if the rows up to this horizon were counted. */
function expect(world: World, epoch: ReadonlyMap<string, bigint>, horizon: ReadonlyMap<string, bigint>, surplus: bigint): Expected {
  const { script, log, caughtUp } = world
  const inEpoch = (stream: string, sequence: bigint) => sequence <= (epoch.get(stream) ?? 0n)
  const upTo = (stream: string, sequence: bigint) => sequence <= (horizon.get(stream) ?? 0n)
  const differences = new Map<string, bigint>()
  const add = (row: HistoryRow, amount: bigint) => {
    const key = keyOf(row)
    differences.set(key, (differences.get(key) ?? 0n) + amount)
  }
  let [missing, extra, conflicts] = [false, surplus > 0n, 0]
  const surpluses = new Map<string, bigint>()
  for (const [at, { stream, sequence, row }] of script.facts.entries()) {
    const fault = faultOf(script, at)
    const rows = rowsWritten(row, fault, log)
    if (upTo(stream, sequence)) {
      surpluses.set(stream, (surpluses.get(stream) ?? 0n) + BigInt(rows.addresses) - 1n)
      if (rows.conflict) conflicts++
    }
    if (!inEpoch(stream, sequence)) continue
    add(row, timesFolded(fault) * units(String(row['balance'])))
    for (const written of rows.rows) add(written, -units(String(written['balance'])))
  }
  for (const count of surpluses.values()) if (count !== 0n) [missing, extra] = [missing || count < 0n, extra || count > 0n]
  if (surplus > 0n) missing = true
  for (const { fault, folded, row } of log.struck) {
    if (row === null) continue
    if (fault.name === 'phantom-account') add(row, units(String(row['balance'])))
    if (fault.name !== 'missing-account') continue
    // What vanished is what had been folded into the row by then, as far as it belongs to the epoch.
    for (const [at, fact] of script.facts.entries()) {
      const went = keyOf(fact.row) === keyOf(row) && fact.sequence <= (folded[fact.stream] ?? 0n) && inEpoch(fact.stream, fact.sequence)
      if (went) add(row, -timesFolded(faultOf(script, at)) * units(String(fact.row['balance'])))
    }
  }
  for (const [key, difference] of differences) if (difference === 0n) differences.delete(key)
  if (missing && !caughtUp) return { verdict: 'inconclusive', reasons: new Set(['horizon-timeout']), differences }
  const reasons = new Set([
    ...(missing ? ['rows-missing'] : []),
    ...(extra ? ['rows-extra'] : []),
    ...(conflicts > 0 ? ['conflicting-duplicate'] : []),
    ...(differences.size > 0 && !missing && !extra && conflicts === 0 ? ['value-mismatch'] : []),
  ])
  return reasons.size > 0 ? { verdict: 'diff', reasons, differences } : { verdict: 'balanced', reasons: new Set(['balanced']), differences }
}

type HistoryRow = Readonly<Record<string, string | bigint | null>>

function keyOf(row: HistoryRow): string {
  return JSON.stringify([row['account_id'], row['asset']])
}

function faultOf({ faults }: ExchangeHistory, fact: number): HistoryFault | undefined {
  return faults.find(each => 'fact' in each && each.fact === fact)
}

function rowsWritten(
  row: HistoryRow,
  fault: HistoryFault | undefined,
  log: PlayLog,
): { readonly rows: readonly HistoryRow[]; readonly addresses: number; readonly conflict: boolean } {
  switch (fault?.name) {
    case 'lost-row':
      return { rows: [], addresses: 0, conflict: false }
    case 'late-row-below-epoch': {
      const arrived = log.struck.some(each => each.fault === fault)
      return { rows: arrived ? [row] : [], addresses: arrived ? 1 : 0, conflict: false }
    }
    case 'altered-amount-by-1e-18':
    case 'sign-flipped':
    case 'wrong-account':
    case 'wrong-asset':
      return { rows: [fault.row], addresses: 1, conflict: false }
    case 'duplicate-row-different-amount':
      return { rows: [row, fault.row], addresses: 1, conflict: true }
    case 'rows-extra':
      return { rows: [row, row], addresses: 2, conflict: false }
    default:
      return { rows: [row], addresses: 1, conflict: false }
  }
}

function timesFolded(fault: HistoryFault | undefined): bigint {
  return fault?.name === 'stale-balance' ? 0n : fault?.name === 'double-applied-batch' ? 2n : 1n
}

/** Units of 10^-18, by cutting the text. */
function units(text: string): bigint {
  const negative = text.startsWith('-')
  const [whole = '', fraction = ''] = (negative ? text.slice(1) : text).split('.')
  const magnitude = BigInt(whole + fraction.padEnd(18, '0'))
  return negative ? -magnitude : magnitude
}

function subsets<T>(items: readonly T[]): readonly (readonly T[])[] {
  const [first, ...others] = items
  if (first === undefined) return [[]]
  return subsets(others).flatMap(some => [some, [first, ...some]])
}

function sameMap(a: ReadonlyMap<string, bigint>, b: ReadonlyMap<string, bigint>): boolean {
  return a.size === b.size && [...a].every(([key, value]) => b.get(key) === value)
}

function show(differences: ReadonlyMap<string, bigint>): string {
  return `{${[...differences].map(([key, value]) => `${key}: ${value}`).join(', ')}}`
}
