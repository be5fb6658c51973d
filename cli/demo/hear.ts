import type { CheckName } from '../../sim/faults/expectation.ts'
import { type DemoRun, NAIVE_BESIDE } from './demo-run.ts'
import { checksThatSee, expectedOf } from './expected.ts'
import {
  tellBalancedAgain,
  tellFirstCustody,
  tellFirstCycle,
  tellFirstProof,
  tellFound,
  tellFoundByAll,
  tellInconclusive,
  tellStillThere,
  tellWrong,
} from './narrate.ts'
import type { Screen } from './screen.ts'
import { judgeRun } from './story.ts'
import { countRun, recordFault } from './tally.ts'
import type { State } from './tell-story.ts'
import type { Timetable } from './timetable.ts'

/** Takes in one run: what it means for the story is told, and is the new state. */
export function hearRun(before: State, check: CheckName, demoRun: DemoRun, nowMs: number, screen: Screen): State {
  const { phase } = before
  const state: State = { ...before, tally: countRun(before.tally, demoRun) }
  const judgement = judgeRun(phase, check, demoRun.run)
  switch (judgement.kind) {
    case 'balanced':
      tellFirst(before, check, demoRun, screen)
      return state
    case 'found': {
      if (phase.kind !== 'planted') return state
      const afterMs = nowMs - phase.plantedAtMs
      screen.tell('good', tellFound(demoRun, afterMs, phase.roundsSince, expectedOf(phase.planted, check)), demoRun.run)
      return {
        ...state,
        phase: { ...phase, foundBy: [...phase.foundBy, check] },
        tally: recordFault(state.tally, fault => ({ ...fault, found: [...fault.found, { by: check, afterMs }] })),
      }
    }
    case 'still-there':
      if (phase.kind !== 'found' || phase.toldAgain) return state
      screen.tell('news', tellStillThere(demoRun))
      return { ...state, phase: { ...phase, toldAgain: true } }
    case 'balanced-again':
      return phase.kind === 'repaired' ? { ...state, phase: { ...phase, balanced: [...phase.balanced, check] } } : state
    case 'inconclusive':
      screen.tell('doubt', tellInconclusive(demoRun))
      return state
    case 'wrong':
      screen.tell('bad', tellWrong(judgement.why), demoRun.run)
      return { ...state, wrong: state.wrong ?? demoRun }
    default:
      return judgement satisfies never
  }
}

/** What the end of a round is judged by. */
export interface RoundEnd {
  readonly nowMs: number
  readonly times: Pick<Timetable, 'shownMs' | 'nextFaultMs'>
  /** The checks of the round. */
  readonly checks: readonly CheckName[]
}

/** Takes in the end of a round: a fault is found once every check that must see it has, and repaired once every check is balanced again. */
export function endRound(state: State, { nowMs, times, checks }: RoundEnd, screen: Screen): State {
  const { phase, tally } = state
  if (phase.kind === 'planted') {
    const mustSee = checksThatSee(phase.planted, checks)
    if (!mustSee.every(check => phase.foundBy.includes(check))) return { ...state, phase: { ...phase, roundsSince: phase.roundsSince + 1 } }
    screen.tell('good', tellFoundByAll(checks.filter(check => !mustSee.includes(check))))
    return {
      ...state,
      phase: { kind: 'found', planted: phase.planted, repairAtMs: nowMs + times.shownMs, toldAgain: false },
      tally: recordFault(tally, fault => ({ ...fault, foundByAll: true })),
    }
  }
  if (phase.kind === 'repaired' && checks.every(check => phase.balanced.includes(check))) {
    screen.tell('good', tellBalancedAgain(checks, nowMs - phase.repairedAtMs))
    screen.repaired()
    return {
      ...state,
      phase: { kind: 'calm', plantAtMs: times.nextFaultMs(nowMs) },
      tally: recordFault(tally, fault => ({ ...fault, balancedAgain: true })),
    }
  }
  return state
}

/** Explains the first balanced run of a check where there is more to it than that. */
function tellFirst({ tally }: State, check: CheckName, demoRun: DemoRun, screen: Screen): void {
  if (check === NAIVE_BESIDE) {
    // Only a run beside which the other comparison could be made has something to explain.
    if (tally.comparedUnpinned === 0 && demoRun.unpinnedDifferences !== undefined) screen.tell('good', tellFirstProof(demoRun))
  } else if ((tally.checks.get(check)?.balanced ?? 0) === 0) {
    if (check === 'omnibus-balances-square') screen.tell('good', tellFirstCustody(demoRun))
    if (check === 'pnl-is-zero-sum') screen.tell('good', tellFirstCycle(demoRun))
  }
}
