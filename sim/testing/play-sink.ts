import type { Sequence } from '../../epoch/epoch.ts'
import type { ExchangeHistory, HistoryStream, SinkStep } from './exchange-history.ts'
import type { Fact } from './fact.ts'
import type { Play } from './play.ts'
import { foldedBy } from './play-strike.ts'

/** Delivers one stream: rows in pieces, then the watermark that vouches for them; at least once. */
export async function runSink(play: Play, stream: HistoryStream): Promise<void> {
  const { script, clock, signal, history } = play
  const end = script.ends[stream] ?? 0n
  const rest: SinkStep = {
    events: Number(end),
    replay: 0,
    pieces: 1,
    rotate: 0,
    pauseMs: 0,
    watermarkPauseMs: 0,
    watermark: true,
    crashAfter: null,
  }
  const late: Promise<void>[] = []
  let position = 0n
  let vouchedFor = 0n
  for (const step of [...script.sink[stream], rest]) {
    const through = min(position + BigInt(step.events), end)
    const from = position - min(position, BigInt(step.replay))
    const pieces = cutUp(writtenRows(script, stream, from, through), step.pieces)
    const order = [...pieces.slice(step.rotate), ...pieces.slice(0, step.rotate)]
    for (const piece of order.slice(0, step.crashAfter ?? order.length)) {
      await clock.sleep(step.pauseMs, signal)
      history.insert(piece)
    }
    if (step.crashAfter !== null && step.crashAfter < order.length) {
      position = vouchedFor
      continue
    }
    position = through
    if (!step.watermark || isStuck(script, stream, through)) continue
    await clock.sleep(step.watermarkPauseMs, signal)
    vouch(play, stream, through)
    late.push(...lateRows(play, stream, vouchedFor, through))
    vouchedFor = through
  }
  await Promise.all(late)
}

function vouch({ script, clock, history, log }: Play, stream: HistoryStream, sequence: Sequence): void {
  const rowsTotal = BigInt(script.facts.filter(fact => fact.stream === stream && fact.sequence <= sequence).length)
  const twins = script.faults.some(fault => fault.name === 'watermarks-disagree' && fault.stream === stream && fault.sequence <= sequence)
  for (const total of twins ? [rowsTotal, rowsTotal + 1n] : [rowsTotal]) {
    history.watermark(stream, sequence, total)
    log.watermarks.push({ stream, sequence, rowsTotal: total, atMs: clock.monotonicMs() })
  }
}

function isStuck({ faults }: ExchangeHistory, stream: HistoryStream, sequence: Sequence): boolean {
  return faults.some(fault => fault.name === 'watermark-stuck' && fault.stream === stream && fault.sequence <= sequence)
}

/** The rows that the sink makes of the events in (from, through], wrong ones included; the same each time. */
function writtenRows({ facts, faults }: ExchangeHistory, stream: HistoryStream, from: Sequence, through: Sequence): readonly Fact[] {
  return facts.flatMap((fact, at) => {
    if (fact.stream !== stream || fact.sequence <= from || fact.sequence > through) return []
    const fault = faults.find(each => 'fact' in each && each.fact === at)
    switch (fault?.name) {
      case 'lost-row':
      case 'late-row-below-epoch':
        return []
      case 'replayed-identical-row':
        return [fact, fact]
      case 'altered-amount-by-1e-18':
      case 'sign-flipped':
      case 'wrong-account':
      case 'wrong-asset':
        return [{ ...fact, row: fault.row }]
      case 'duplicate-row-different-amount':
        return [fact, { ...fact, row: fault.row }]
      case 'rows-extra':
        return [fact, { ...fact, id: fault.id }]
      default:
        return [fact]
    }
  })
}

function lateRows(
  { script, clock, signal, state, history, log }: Play,
  stream: HistoryStream,
  from: Sequence,
  through: Sequence,
): readonly Promise<void>[] {
  return script.faults.flatMap(fault => {
    if (fault.name !== 'late-row-below-epoch') return []
    const fact = script.facts[fault.fact]
    if (!fact || fact.stream !== stream || fact.sequence <= from || fact.sequence > through) return []
    const arrival = clock.sleep(fault.delayMs, signal).then(() => {
      history.insert([fact])
      log.struck.push({ fault, atMs: clock.monotonicMs(), folded: foldedBy(state), row: null })
    })
    // Awaited at the end of the sink; where the sink is stopped before, that error is the one to tell.
    arrival.catch(() => undefined)
    return [arrival]
  })
}

function cutUp<T>(items: readonly T[], pieces: number): readonly (readonly T[])[] {
  const size = Math.max(1, Math.ceil(items.length / pieces))
  return Array.from({ length: Math.ceil(items.length / size) }, (_, at) => items.slice(at * size, at * size + size))
}

function min(a: bigint, b: bigint): bigint {
  return a < b ? a : b
}
