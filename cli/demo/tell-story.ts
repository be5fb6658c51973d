import { ReconError } from '../../epoch/recon-error.ts'
import type { Exchange } from '../../sim/exchange/exchange.ts'
import { repairFault } from '../../sim/faults/repair.ts'
import type { DemoRun, DemoSurroundings } from './demo-run.ts'
import { checksThatSee } from './expected.ts'
import { shortDuration } from './figures.ts'
import { endRound, hearRun } from './hear.ts'
import { tellPlanted, tellPlanting, tellRepaired } from './narrate.ts'
import { runRound } from './round.ts'
import type { Screen } from './screen.ts'
import { type Phase, storyFault } from './story.ts'
import { EMPTY_TALLY, type Tally } from './tally.ts'
import { timetable } from './timetable.ts'

/** How often a round begins, unless the one before takes longer. */
const ROUND_MS = 2_000
/** What is left between two rounds at the least. */
const REST_MS = 200
/** How many events ahead a fault is planned, so that a busy process hears of it in time. */
const PLANT_EVENTS_AHEAD = 1_500n
/** Within this, a fault that is planned has happened, in simulated events and on any machine. */
const PLANT_MS = 60_000

/** What the story is told with. */
export interface StoryTools {
  readonly exchange: Exchange
  readonly surroundings: DemoSurroundings
  readonly screen: Screen
  /** How long the demo runs; undefined: until the signal of the surroundings aborts. */
  readonly lastsMs: number | undefined
}

/** How the story ended. */
export interface Ending {
  readonly tally: Tally
  readonly ranMs: number
  /** Set where a check said what is not so. */
  readonly wrong: DemoRun | undefined
  /** False where the demo ended before a planted fault was found and repaired and the books were balanced again. */
  readonly told: boolean
}

/** Where the story stands, and what came of it so far. */
export interface State {
  readonly phase: Phase
  readonly tally: Tally
  readonly wrong: DemoRun | undefined
}

/**
 * Runs all checks of the running exchange every two seconds; plants a fault, sees it found by every check that must see it, repairs it and sees the books
 * balanced again, and holds every verdict against what the simulator knows. Ends when the time is up and the story told, at the first wrong verdict, or when
 * the signal aborts.
 */
export async function tellStory(tools: StoryTools): Promise<Ending> {
  const { surroundings, screen } = tools
  const { checks } = surroundings
  const { clock, signal } = surroundings.io
  const times = timetable(tools.lastsMs)
  const beganMs = clock.monotonicMs()
  const now = () => clock.monotonicMs() - beganMs
  let state: State = { phase: { kind: 'calm', plantAtMs: times.firstFaultMs }, tally: EMPTY_TALLY, wrong: undefined }
  const told = () => state.phase.kind === 'calm' && (state.tally.faults.length > 0 || times.firstFaultMs === Number.POSITIVE_INFINITY)
  try {
    while (!times.isOver(now(), told()) && state.wrong === undefined) {
      state = await act(state, now, tools)
      const roundBeganMs = now()
      await runRound(surroundings, {
        began: screen.began,
        ended: (check, demoRun) => {
          screen.ran(demoRun)
          state = hearRun(state, check, demoRun, now(), screen)
        },
      })
      state = endRound(state, { nowMs: now(), times, checks }, screen)
      if (state.wrong === undefined && !times.isOver(now(), told()))
        await clock.sleep(Math.max(REST_MS, roundBeganMs + ROUND_MS - now()), signal)
    }
  } catch (error) {
    // Whoever aborted knows why, and a machine that is too slow is no bug; anything else is news.
    if (error instanceof TooSlow) screen.tell('doubt', `${error.message}.`)
    else if (error !== signal.reason) throw error
  }
  return { tally: state.tally, ranMs: now(), wrong: state.wrong, told: told() }
}

/** Does what is due before the next round: plants a fault, or repairs one. No check is under way meanwhile. */
async function act(state: State, now: () => number, tools: StoryTools): Promise<State> {
  const { phase } = state
  if (phase.kind === 'calm' && now() >= phase.plantAtMs) return plant(state, now, tools)
  if (phase.kind === 'found' && now() >= phase.repairAtMs) return repair(state, phase, now, tools)
  return state
}

async function plant(state: State, now: () => number, { exchange, surroundings, screen }: StoryTools): Promise<State> {
  const name = storyFault(state.tally.faults.length)
  const late = AbortSignal.timeout(PLANT_MS)
  const signal = AbortSignal.any([surroundings.io.signal, late])
  screen.tell('news', tellPlanting(name))
  const order = exchange.plant({ name, event: exchange.status().published + PLANT_EVENTS_AHEAD })
  const { planted, plantedAtMs } = await whenPlanted().catch(error => {
    throw error === late.reason ? new TooSlow(`${name} could not be planted within ${shortDuration(PLANT_MS)}`) : error
  })
  screen.tell('bad', tellPlanted(planted, checksThatSee(planted, surroundings.checks)))
  return {
    ...state,
    phase: { kind: 'planted', planted, plantedAtMs, roundsSince: 0, foundBy: [] },
    tally: { ...state.tally, faults: [...state.tally.faults, { fault: name, found: [] }] },
  }

  async function whenPlanted() {
    const committed = await exchange.committed(order, signal)
    const committedAtMs = now()
    // The next runs must not be pinned below the fault, where they are right to be balanced.
    await exchange.folded(committed.event, signal)
    return { planted: committed, plantedAtMs: committedAtMs }
  }
}

/** The machine does not keep up with the exchange, let alone with the story. */
class TooSlow extends ReconError {
  constructor(message: string) {
    super('too-slow', message)
    this.name = 'TooSlow'
  }
}

async function repair(
  state: State,
  { planted }: Extract<Phase, { kind: 'found' }>,
  now: () => number,
  { surroundings, screen }: StoryTools,
): Promise<State> {
  if (!(await repairFault(surroundings.urls, planted)))
    throw new Error(`${planted.fault} cannot be repaired, so the demo must not plant it`)
  screen.tell('news', tellRepaired(planted))
  return { ...state, phase: { kind: 'repaired', repairedAtMs: now(), balanced: [] } }
}
