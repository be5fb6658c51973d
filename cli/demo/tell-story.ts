import type { Exchange } from '../../sim/exchange/exchange.ts'
import { repairFault } from '../../sim/faults/repair.ts'
import {
  tellBalancedAgain,
  tellFirstProof,
  tellFound,
  tellInconclusive,
  tellPlanted,
  tellPlanting,
  tellRepaired,
  tellStillThere,
  tellWrong,
} from './narrate.ts'
import { type Round, type RoundSurroundings, runRound } from './round.ts'
import type { Screen } from './screen.ts'
import { judgeRun, type Phase, STORY_FAULTS } from './story.ts'
import { countRound, EMPTY_TALLY, recordFault, type Tally } from './tally.ts'
import { timetable } from './timetable.ts'

/** How often a check begins, unless the one before takes longer. */
const ROUND_MS = 2_000
/** What is left between two checks at the least. */
const REST_MS = 200
/** How many events ahead a fault is planned, so that a busy process hears of it in time. */
const PLANT_EVENTS_AHEAD = 1_500n
/** Within this, a fault that is planned has happened, in simulated events and on any machine. */
const PLANT_MS = 60_000

/** What the story is told with. */
export interface StoryTools {
  readonly exchange: Exchange
  readonly rounds: RoundSurroundings
  readonly screen: Screen
  /** How long the demo runs; undefined: until the signal of the rounds aborts. */
  readonly lastsMs: number | undefined
}

/** How the story ended. */
export interface Ending {
  readonly tally: Tally
  readonly ranMs: number
  /** Set where a check said what is not so. */
  readonly wrong: Round | undefined
  /** False where the demo ended before a planted fault was found and repaired and the books were balanced again. */
  readonly told: boolean
}

/** Where the story stands, and what came of it so far. */
interface State {
  readonly phase: Phase
  readonly tally: Tally
  readonly wrong: Round | undefined
}

/**
 * Checks the running exchange every two seconds; plants a fault, sees it found, repairs it and sees the books balanced again, and holds every
 * verdict against what the simulator knows. Ends when the time is up and the story told, at the first wrong verdict, or when the signal aborts.
 */
export async function tellStory(tools: StoryTools): Promise<Ending> {
  const { clock, signal } = tools.rounds.io
  const times = timetable(tools.lastsMs)
  const beganMs = clock.monotonicMs()
  const now = () => clock.monotonicMs() - beganMs
  let state: State = { phase: { kind: 'calm', plantAtMs: times.firstFaultMs }, tally: EMPTY_TALLY, wrong: undefined }
  const told = () => state.phase.kind === 'calm' && (state.tally.faults.length > 0 || times.firstFaultMs === Number.POSITIVE_INFINITY)
  try {
    while (!times.isOver(now(), told()) && state.wrong === undefined) {
      state = await act(state, now, tools)
      const roundBeganMs = now()
      tools.screen.checking('transactions-balance')
      const round = await runRound('transactions-balance', tools.rounds)
      signal.throwIfAborted()
      tools.screen.round(round)
      state = hear(state, round, now(), times.shownMs, tools.screen)
      if (state.phase.kind === 'repaired' && round.run.verdict === 'balanced')
        state = { ...state, phase: { kind: 'calm', plantAtMs: times.nextFaultMs(now()) } }
      if (!times.isOver(now(), told())) await clock.sleep(Math.max(REST_MS, roundBeganMs + ROUND_MS - now()), signal)
    }
  } catch (error) {
    // Whoever aborted knows why; anything else is news.
    if (error !== signal.reason) throw error
  }
  return { tally: state.tally, ranMs: now(), wrong: state.wrong, told: told() }
}

/** Does what is due before the next check: plants a fault, or repairs one. */
async function act(state: State, now: () => number, tools: StoryTools): Promise<State> {
  const { phase } = state
  if (phase.kind === 'calm' && now() >= phase.plantAtMs) return plant(state, now, tools)
  if (phase.kind === 'found' && now() >= phase.repairAtMs) return repair(state, phase, now, tools)
  return state
}

async function plant(state: State, now: () => number, { exchange, rounds, screen }: StoryTools): Promise<State> {
  const name = STORY_FAULTS[state.tally.faults.length % STORY_FAULTS.length] ?? 'altered-amount-by-1e-18'
  const signal = AbortSignal.any([rounds.io.signal, AbortSignal.timeout(PLANT_MS)])
  screen.tell('news', tellPlanting(name))
  const planted = await exchange.committed(exchange.plant({ name, event: exchange.status().published + PLANT_EVENTS_AHEAD }), signal)
  const plantedAtMs = now()
  // The next check must not be pinned below the fault, where it is right to be balanced.
  await exchange.folded(planted.event, signal)
  screen.tell('bad', tellPlanted(planted))
  return {
    ...state,
    phase: { kind: 'planted', planted, plantedAtMs, checksSince: 0 },
    tally: { ...state.tally, faults: [...state.tally.faults, { fault: name }] },
  }
}

async function repair(
  state: State,
  { planted }: Extract<Phase, { kind: 'found' }>,
  now: () => number,
  { rounds, screen }: StoryTools,
): Promise<State> {
  if (!(await repairFault(rounds.urls, planted))) throw new Error(`${planted.fault} cannot be repaired, so the demo must not plant it`)
  screen.tell('news', tellRepaired(planted))
  return { ...state, phase: { kind: 'repaired', repairedAtMs: now() } }
}

/** Takes in one round: what it means for the story is told, and is the new state. */
function hear(before: State, round: Round, nowMs: number, shownMs: number, screen: Screen): State {
  const { phase } = before
  const state: State = { ...before, tally: countRound(before.tally, round) }
  const judgement = judgeRun(phase, round.run)
  switch (judgement.kind) {
    case 'balanced':
      if (state.tally.verdicts.balanced === 1) screen.tell('good', tellFirstProof(round))
      return state
    case 'found': {
      if (phase.kind !== 'planted') return state
      const [foundAfterMs, foundByCheck] = [nowMs - phase.plantedAtMs, phase.checksSince + 1]
      screen.tell('good', tellFound(round, foundAfterMs, foundByCheck), round.run)
      return {
        ...state,
        phase: { kind: 'found', planted: phase.planted, repairAtMs: nowMs + shownMs, timesSeen: 1 },
        tally: recordFault(state.tally, { foundAfterMs, foundByCheck }),
      }
    }
    case 'still-there':
      if (phase.kind !== 'found') return state
      if (phase.timesSeen === 1) screen.tell('news', tellStillThere(round))
      return { ...state, phase: { ...phase, timesSeen: phase.timesSeen + 1 } }
    case 'balanced-again':
      if (phase.kind === 'repaired') screen.tell('good', tellBalancedAgain(round, nowMs - phase.repairedAtMs))
      screen.repaired()
      return { ...state, tally: recordFault(state.tally, { balancedAgain: true }) }
    case 'inconclusive':
      screen.tell('doubt', tellInconclusive(round))
      return phase.kind === 'planted' ? { ...state, phase: { ...phase, checksSince: phase.checksSince + 1 } } : state
    case 'wrong':
      screen.tell('bad', tellWrong(judgement.why), round.run)
      return { ...state, wrong: round }
    default:
      return judgement satisfies never
  }
}
